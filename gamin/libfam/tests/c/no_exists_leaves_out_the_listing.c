/* FAMNoExists: of a directory nothing that is there, of a missing one FAMDeleted; files are as before. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    char missing[PATH_MAX];
    FAMConnection fc;
    FAMRequest fr;
    touch("there");
    snprintf(missing, sizeof missing, "%s/missing", path);
    CHECK(FAMOpen(&fc) == 0 && FAMNoExists(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    CHECK(FAMMonitorFile(&fc, path, &fr, NULL) == 0);
    expect(&fc, 2, FAMExists, path);
    expect(&fc, 2, FAMEndExist, path);
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    expect(&fc, 2, FAMAcknowledge, path);
    CHECK(FAMMonitorDirectory(&fc, missing, &fr, NULL) == 0);
    expect(&fc, 3, FAMDeleted, missing);
    touch("new");
    expect(&fc, 1, FAMCreated, "new");
    return 0;
}
