/* Requests beyond 65,535 on one connection, for on the wire a number has 16 bits (D13). */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    int i, acknowledged = 0;
    CHECK(FAMOpen(&fc) == 0);
    for (i = 1; i <= 70000; i++) {
        CHECK(FAMMonitorFile(&fc, path, &fr, NULL) == 0 && fr.reqnum == i);
        CHECK(FAMCancelMonitor(&fc, &fr) == 0);
        /* A server that answers is not kept waiting for long. */
        while (i % 256 == 0 && acknowledged < i) {
            CHECK(FAMNextEvent(&fc, &fe) == 1);
            acknowledged += fe.code == FAMAcknowledge;
        }
    }
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0 && fr.reqnum == 70001);
    do
        CHECK(FAMNextEvent(&fc, &fe) == 1);
    while (fe.code != FAMEndExist || fe.fr.reqnum != 70001);
    touch("new");
    expect(&fc, 70001, FAMCreated, "new");
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
