/* NULL, relative paths, unknown requests, in the functions that the original refused altogether (D44). */
#include "check.h"

int main(int argc, char **argv) {
    FAMConnection fc, closed = {-1, NULL};
    FAMRequest fr = {1}, other = {99};
    begin(argc, argv);
    CHECK(FAMOpen(&fc) == 0);
    FAILS(FAMMonitorCollection(NULL, "/", &fr, NULL, 1, "*"), 1);
    FAILS(FAMMonitorCollection(&fc, NULL, &fr, NULL, 1, "*"), 1);
    FAILS(FAMMonitorCollection(&fc, "/", NULL, NULL, 1, "*"), 1);
    FAILS(FAMMonitorCollection(&fc, "/", &fr, NULL, 1, NULL), 1);
    FAILS(FAMMonitorCollection(&fc, "/", &fr, NULL, 0, "*"), 1);
    FAILS(FAMMonitorCollection(&fc, "/", &fr, NULL, -1, "*"), 1);
    FAILS(FAMMonitorCollection(&fc, "relative", &fr, NULL, 1, "*"), 2);
    FAILS(FAMMonitorCollection(&closed, "/", &fr, NULL, 1, "*"), 1);
    FAILS(FAMSuspendMonitor(NULL, &fr), 1);
    FAILS(FAMSuspendMonitor(&fc, NULL), 1);
    FAILS(FAMSuspendMonitor(&fc, &other), 1);
    FAILS(FAMSuspendMonitor(&closed, &fr), 1);
    FAILS(FAMResumeMonitor(NULL, &fr), 1);
    FAILS(FAMResumeMonitor(&fc, NULL), 1);
    FAILS(FAMResumeMonitor(&fc, &other), 1);
    FAILS(FAMResumeMonitor(&closed, &fr), 1);
    CHECK(FAMDebugLevel(&fc, FAM_DEBUG_VERBOSE) == 1 && FAMDebugLevel(NULL, 0) == 1);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
