/* Cancelled twice before the acknowledgement was read: one acknowledgement, and the connection stays (D15). */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr, other;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(FAMCancelMonitor(&fc, &fr) == 0 && FAMCancelMonitor(&fc, &fr) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &other, NULL) == 0);
    expect(&fc, 1, FAMAcknowledge, path);
    expect(&fc, 2, FAMExists, path);
    expect(&fc, 2, FAMEndExist, path);
    touch("new");
    expect(&fc, 2, FAMCreated, "new");
    return 0;
}
