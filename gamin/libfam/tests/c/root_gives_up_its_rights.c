/* A program that opens its connection as root, and then locks itself up and becomes another user: the connection stays; while it is only
 * locked up, it may open another one. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc, second;
    FAMRequest fr;
    if (geteuid() != 0)
        return cannot("only root has rights to give up");
    CHECK(chmod(path, 0777) == 0 && FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(chroot(path) == 0 && FAMOpen(&second) == 0 && FAMClose(&second) == 0);
    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    touch("new");
    expect(&fc, 1, FAMCreated, "new");
    CHECK(FAMMonitorFile(&fc, "/", &fr, NULL) == 0);
    expect(&fc, 2, FAMExists, "/");
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
