/* A program without standard input, output and error, whose numbers the connection's descriptors may have. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    int spare = fcntl(2, F_DUPFD_CLOEXEC, 100);
    CHECK(spare >= 0 && close(0) == 0 && close(1) == 0 && close(2) == 0);
    if (FAMOpen(&fc) != 0 || FAMMonitorDirectory(&fc, path, &fr, NULL) != 0) {
        dprintf(spare, "not opened: FAMErrno %d\n", FAMErrno);
        return 1;
    }
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    kill_server();
    touch("new");
    expect(&fc, 1, FAMCreated, "new");
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
