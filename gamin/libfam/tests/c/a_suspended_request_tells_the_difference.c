/* FAMSuspendMonitor and FAMResumeMonitor (D44): what happens meanwhile is told once, as the difference; nothing for what
 * came and went. */
#include "check.h"

static void change(const char *name) {
    int fd = open(name, O_WRONLY | O_APPEND);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr, marker;
    touch("changed");
    touch("deleted");
    touch("same");
    CHECK(mkdir("marker", 0755) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMExists, "changed");
    expect(&fc, 1, FAMExists, "deleted");
    expect(&fc, 1, FAMExists, "marker");
    expect(&fc, 1, FAMExists, "same");
    expect(&fc, 1, FAMEndExist, path);
    CHECK(FAMSuspendMonitor(&fc, &fr) == 0 && FAMSuspendMonitor(&fc, &fr) == 0);
    /* Once each: what goes on changing would be told later than what is waited for below. */
    change("changed");
    touch("new");
    touch("gone");
    unlink("gone");
    unlink("deleted");
    {
        /* Other requests go on; and once this one has told of something later, all of that has been received. */
        char inside[PATH_MAX];
        snprintf(inside, sizeof inside, "%s/marker", path);
        CHECK(FAMMonitorDirectory(&fc, inside, &marker, NULL) == 0);
        expect(&fc, 2, FAMExists, inside);
        expect(&fc, 2, FAMEndExist, inside);
        touch("marker/now");
        expect(&fc, 2, FAMCreated, "now");
    }
    CHECK(FAMPending(&fc) == 0);
    CHECK(FAMResumeMonitor(&fc, &fr) == 0);
    expect(&fc, 1, FAMDeleted, "deleted");
    expect(&fc, 1, FAMChanged, "changed");
    expect(&fc, 1, FAMCreated, "new");
    touch("later");
    expect(&fc, 1, FAMCreated, "later");
    CHECK(FAMSuspendMonitor(&fc, &fr) == 0);
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    expect(&fc, 1, FAMAcknowledge, path);
    FAILS(FAMResumeMonitor(&fc, &fr), 1);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
