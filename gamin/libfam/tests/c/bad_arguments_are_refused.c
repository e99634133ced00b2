/* NULL anywhere, bad paths, unknown requests, closed connections: -1, the right number, no crash (D36). */
#include "check.h"

static char longest[5000];

static void refuse_arguments(FAMConnection *fc, int reason) {
    FAMRequest fr = {1};
    FAMEvent fe;
    FAILS(FAMMonitorDirectory(fc, "/", &fr, NULL), reason);
    FAILS(FAMMonitorFile(fc, "/", &fr, NULL), reason);
    FAILS(FAMMonitorDirectory2(fc, "/", &fr), reason);
    FAILS(FAMMonitorFile2(fc, "/", &fr), reason);
    FAILS(FAMCancelMonitor(fc, &fr), reason);
    FAILS(FAMPending(fc), reason);
    FAILS(FAMNextEvent(fc, &fe), reason);
    FAILS(FAMNoExists(fc), reason);
    FAILS(FAMClose(fc), reason);
}

int main(int argc, char **argv) {
    FAMConnection fc = {-1, NULL}, copy;
    FAMRequest fr = {1}, other = {99};
    FAMEvent fe;
    const char *paths[] = {"", "relative", "./x", longest};
    size_t i;
    begin(argc, argv);
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';

    FAILS(FAMOpen(NULL), 1);
    FAILS(FAMOpen2(NULL, "name"), 1);
    refuse_arguments(NULL, 1);
    refuse_arguments(&fc, 1);

    CHECK(FAMOpen2(&fc, NULL) == 0);
    FAILS(FAMMonitorDirectory(&fc, NULL, &fr, NULL), 1);
    FAILS(FAMMonitorFile(&fc, NULL, &fr, NULL), 1);
    FAILS(FAMMonitorDirectory(&fc, "/", NULL, NULL), 1);
    FAILS(FAMMonitorFile(&fc, "/", NULL, NULL), 1);
    FAILS(FAMMonitorDirectory2(&fc, NULL, &fr), 1);
    FAILS(FAMMonitorDirectory2(&fc, "/", NULL), 1);
    FAILS(FAMMonitorFile2(&fc, NULL, &fr), 1);
    FAILS(FAMMonitorFile2(&fc, "/", NULL), 1);
    for (i = 0; i < sizeof paths / sizeof *paths; i++) {
        FAILS(FAMMonitorDirectory(&fc, paths[i], &fr, NULL), 2);
        FAILS(FAMMonitorFile(&fc, paths[i], &fr, NULL), 2);
        FAILS(FAMMonitorDirectory2(&fc, paths[i], &fr), 2);
        FAILS(FAMMonitorFile2(&fc, paths[i], &fr), 2);
    }
    longest[4096] = 0;
    FAILS(FAMMonitorFile(&fc, longest, &fr, NULL), 2);
    longest[4095] = 0;
    CHECK(FAMMonitorFile(&fc, longest, &fr, NULL) == 0);

    FAILS(FAMCancelMonitor(&fc, NULL), 1);
    FAILS(FAMCancelMonitor(&fc, &other), 1);
    FAILS(FAMNextEvent(&fc, NULL), 1);
    /* A number in use finds no place, nor does a negative one. */
    FAILS(FAMMonitorFile2(&fc, "/", &fr), 5);
    other.reqnum = -1;
    FAILS(FAMMonitorFile2(&fc, "/", &other), 5);

    /* Until its acknowledgement is read, a cancelled request may be cancelled again (D15); then it is unknown. */
    CHECK(FAMCancelMonitor(&fc, &fr) == 0 && FAMCancelMonitor(&fc, &fr) == 0);
    do
        next(&fc, &fe);
    while (fe.code != FAMAcknowledge);
    FAILS(FAMCancelMonitor(&fc, &fr), 1);

    copy = fc;
    FAMErrno = 77;
    CHECK(FAMClose(&fc) == 0 && FAMErrno == 77);
    CHECK(fc.fd == -1 && fc.client == NULL);
    refuse_arguments(&fc, 1);
    /* A copy of what was closed. */
    refuse_arguments(&copy, 1);
    return 0;
}
