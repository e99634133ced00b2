/* A program that has no server closes the connection's descriptor alone, and opens its own under that number: what was told by then can be
 * had, and then each call gives -1 and error 3 at once; its own descriptor is left alone. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    int own, fd;
    CHECK(setenv("GAM_MODE", "embedded", 1) == 0);
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    fd = fc.fd;
    own = open("own", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK(own >= 0 && dup2(own, fd) == fd);
    while (FAMPending(&fc) == 1)
        CHECK(FAMNextEvent(&fc, &fe) == 1);
    FAILS(FAMPending(&fc), 3);
    FAILS(FAMNextEvent(&fc, &fe), 3);
    FAILS(FAMMonitorDirectory(&fc, path, &fr, NULL), 3);
    FAILS(FAMClose(&fc), 3);
    CHECK(write(fd, "mine", 4) == 4);
    return 0;
}
