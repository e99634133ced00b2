/* A child that goes on with its parent's connection gets an error, and the parent's is as before; it may open one of its own, and
 * close what it inherited. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    int status;
    pid_t child;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    touch("before");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        FAMConnection own;
        FAMRequest other;
        FAMEvent fe;
        FAILS(FAMPending(&fc), 3);
        FAILS(FAMNextEvent(&fc, &fe), 3);
        FAILS(FAMMonitorFile(&fc, path, &other, NULL), 3);
        FAILS(FAMCancelMonitor(&fc, &fr), 3);
        FAILS(FAMNoExists(&fc), 3);
        CHECK(FAMClose(&fc) == 0);
        FAILS(FAMClose(&fc), 1);
        CHECK(FAMOpen(&own) == 0);
        CHECK(FAMMonitorFile(&own, path, &other, NULL) == 0);
        expect(&own, 1, FAMExists, path);
        CHECK(FAMClose(&own) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    expect(&fc, 1, FAMCreated, "before");
    touch("after");
    expect(&fc, 1, FAMCreated, "after");
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
