/* FAMMonitorCollection (D44): the names that match, relative to the root, to a depth; new directories are followed. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    int data;
    CHECK(mkdir("sub", 0755) == 0 && mkdir("sub/deep", 0755) == 0 && symlink("sub", "link.txt") == 0);
    touch("a.txt");
    touch("a.c");
    touch("sub/b.txt");
    touch("sub/deep/too-deep.txt");
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorCollection(&fc, path, &fr, &data, 2, "*.[a-t]xt") == 0 && fr.reqnum == 1);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMExists, "a.txt");
    expect(&fc, 1, FAMExists, "link.txt");
    expect(&fc, 1, FAMExists, "sub/b.txt");
    expect(&fc, 1, FAMEndExist, path);
    touch("sub/c.c");
    touch("sub/c.txt");
    next(&fc, &fe);
    CHECK(fe.code == FAMCreated && strcmp(fe.filename, "sub/c.txt") == 0 && fe.userdata == &data);
    CHECK(mkdir("new", 0755) == 0);
    touch("new/d.txt");
    expect(&fc, 1, FAMCreated, "new/d.txt");
    CHECK(rename("new", "../collection-away") == 0);
    expect(&fc, 1, FAMDeleted, "new/d.txt");
    CHECK(rename("../collection-away", "back") == 0);
    expect(&fc, 1, FAMCreated, "back/d.txt");
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    expect(&fc, 1, FAMAcknowledge, path);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
