/* What every program does: ask, read what is there, read what happens, cancel, close. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr, file;
    char missing[PATH_MAX];
    touch("there");
    CHECK(FAMOpen2(&fc, "a program") == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    CHECK(FAMREQUEST_GETREQNUM(&fr) == 1);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMExists, "there");
    expect(&fc, 1, FAMEndExist, path);
    snprintf(missing, sizeof missing, "%s/missing", path);
    CHECK(FAMMonitorFile(&fc, missing, &file, NULL) == 0);
    expect(&fc, 2, FAMDeleted, missing);
    expect(&fc, 2, FAMEndExist, missing);
    unlink("there");
    expect(&fc, 1, FAMDeleted, "there");
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    expect(&fc, 1, FAMAcknowledge, path);
    touch("missing");
    expect(&fc, 2, FAMCreated, missing);
    CHECK(FAMClose(&fc) == 0 && fc.fd == -1);
    return 0;
}
