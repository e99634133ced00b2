/* A server that is stopped takes no requests: no call waits for it, and when it goes on, a program that only waits for the
 * descriptor has all of them answered. */
#include "check.h"

#define REQUESTS 3000

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    char inside[PATH_MAX], name[200];
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    struct timespec begun, done;
    pid_t server;
    int i, ended = 0, acknowledged = 0;
    memset(name, 'n', sizeof name);
    CHECK(FAMOpen(&fc) == 0 && FAMNoExists(&fc) == 0);
    server = server_pid();
    CHECK(kill(server, SIGSTOP) == 0 && clock_gettime(CLOCK_MONOTONIC, &begun) == 0);
    for (i = 0; i < REQUESTS; i++) {
        snprintf(inside, sizeof inside, "%s/%.200s%d", path, name, i);
        CHECK((i % 2 == 0 ? FAMMonitorFile : FAMMonitorDirectory)(&fc, inside, &fr, NULL) == 0);
        CHECK(FAMPending(&fc) == 0);
    }
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &done) == 0 && done.tv_sec - begun.tv_sec < 30);
    CHECK(kill(server, SIGCONT) == 0);
    while (ended < REQUESTS / 2 || acknowledged == 0) {
        next(&fc, &fe);
        ended += fe.code == FAMEndExist;
        acknowledged += fe.code == FAMAcknowledge;
    }
    CHECK(kill(server, SIGSTOP) == 0);
    CHECK(FAMClose(&fc) == 0);
    CHECK(kill(server, SIGCONT) == 0);
    return 0;
}
