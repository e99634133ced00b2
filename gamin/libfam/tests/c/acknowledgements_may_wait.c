/* More requests than there are numbers on the wire, each cancelled, and not one event read until the end: all are acknowledged (D13). A
 * program that is so much faster than the server that 65,535 are not acknowledged is told, and may try again. */
#include "check.h"

#include <sched.h>

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    int i, acknowledged = 0;
    CHECK(FAMOpen(&fc) == 0);
    for (i = 1; i <= 70000; i++) {
        while (FAMMonitorFile(&fc, path, &fr, NULL) != 0)
            CHECK(FAMErrno == 5 && i > 65535 && sched_yield() == 0);
        CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    }
    while (acknowledged < 70000) {
        CHECK(FAMNextEvent(&fc, &fe) == 1);
        acknowledged += fe.code == FAMAcknowledge;
    }
    CHECK(FAMPending(&fc) == 0);
    return 0;
}
