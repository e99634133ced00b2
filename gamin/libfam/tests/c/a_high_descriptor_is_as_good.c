/* Descriptors of 1024 and more (D29). */
#include "check.h"

#include <sys/resource.h>

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    struct rlimit limit;
    FAMConnection fc;
    FAMRequest fr;
    int fd;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    do
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd < 1100);
    CHECK(fd >= 1100);
    CHECK(FAMOpen(&fc) == 0 && fc.fd > 1024);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(FAMPending(&fc) == 0);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
