/* A child closes all descriptors and opens its own, as a daemon does that forks first: neither they nor the parent's connection are touched
 * by anything that the child does with that. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    int status, round;
    pid_t child;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    for (round = 0; round < 2; round++) {
        /* In the second round, with an event in memory. */
        touch("before");
        while (round == 1 && FAMPending(&fc) == 0)
            wait_readable(fc.fd);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            FAMRequest other;
            FAMEvent fe;
            char read[8];
            int fd, own;
            for (fd = 3; fd < 200; fd++)
                close(fd);
            own = open("../own", O_CREAT | O_TRUNC | O_RDWR, 0600);
            CHECK(own >= 0 && dup2(own, fc.fd) == fc.fd);
            fd = fc.fd;
            CHECK(write(fd, "content", 7) == 7 && lseek(fd, 0, SEEK_SET) == 0);
            FAILS(FAMPending(&fc), 3);
            FAILS(FAMNextEvent(&fc, &fe), 3);
            FAILS(FAMMonitorDirectory(&fc, path, &other, NULL), 3);
            FAILS(FAMMonitorFile(&fc, path, &other, NULL), 3);
            FAILS(FAMCancelMonitor(&fc, &fr), 3);
            FAILS(FAMNoExists(&fc), 3);
            FAILS(FAMClose(&fc), 3);
            FAILS(FAMClose(&fc), 1);
            CHECK(lseek(fd, 0, SEEK_CUR) == 0 && pread(fd, read, 8, 0) == 7 && memcmp(read, "content", 7) == 0);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        expect(&fc, 1, FAMCreated, "before");
        unlink("before");
        expect(&fc, 1, FAMDeleted, "before");
    }
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
