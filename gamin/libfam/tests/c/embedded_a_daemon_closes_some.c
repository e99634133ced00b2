/* A program that has no server closes one of the connection's descriptors, and then opens its own there: each call gives -1 and error 3 at
 * once, what it has opened is left alone, and another connection serves it. */
#include "check.h"

#define NUMBERS 200

static int is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static void lose(const char *path, int lost, int foreign) {
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    char byte;
    int pair[2];
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(FAMPending(&fc) == 0);
    if (foreign) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[1], "x", 1) == 1);
        CHECK(dup2(pair[0], lost) == lost);
    } else {
        close(lost);
    }
    FAILS(FAMPending(&fc), 3);
    FAILS(FAMNextEvent(&fc, &fe), 3);
    FAILS(FAMMonitorFile(&fc, path, &fr, NULL), 3);
    FAILS(FAMCancelMonitor(&fc, &fr), 3);
    FAILS(FAMClose(&fc), 3);
    if (foreign) {
        CHECK(recv(lost, &byte, 1, MSG_DONTWAIT) == 1);
        CHECK(recv(pair[1], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
        close(pair[0]);
        close(pair[1]);
        close(lost);
    }
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    char was_open[NUMBERS], is_ours[NUMBERS];
    int fd, count = 0;
    CHECK(setenv("GAM_MODE", "embedded", 1) == 0);
    for (fd = 0; fd < NUMBERS; fd++)
        was_open[fd] = is_open(fd);
    CHECK(FAMOpen(&fc) == 0);
    for (fd = 0; fd < NUMBERS; fd++) {
        is_ours[fd] = is_open(fd) && !was_open[fd];
        count += is_ours[fd];
    }
    CHECK(FAMClose(&fc) == 0 && count > 5);
    for (fd = 0; fd < NUMBERS; fd++) {
        pid_t child;
        int foreign, status;
        /* Each has the numbers as they were. */
        for (foreign = 0; is_ours[fd] && foreign < 2; foreign++) {
            CHECK((child = fork()) >= 0);
            if (child == 0) {
                lose(path, fd, foreign);
                CHECK(FAMOpen(&fc) == 0 && FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
                expect(&fc, 1, FAMExists, path);
                CHECK(FAMClose(&fc) == 0);
                _exit(0);
            }
            CHECK(waitpid(child, &status, 0) == child && status == 0);
        }
    }
    return 0;
}
