/* FAMCollectionGaps: a directory whose path is too long to be followed is counted and named, until it has gone. */
#include "check.h"

static void await(FAMConnection *fc, FAMCodes code) {
    FAMEvent fe;
    do
        next(fc, &fe);
    while (fe.code != code);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr, plain;
    FAMGap gap;
    char name[201];
    int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(home >= 0);
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = 0;
    CHECK(mkdir("top", 0755) == 0 && chdir("top") == 0);
    for (int level = 0; level < 25; level++)
        CHECK(mkdir(name, 0755) == 0 && chdir(name) == 0);
    CHECK(fchdir(home) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorCollection(&fc, path, &fr, NULL, 100, "top") == 0);
    await(&fc, FAMEndExist);
    memset(&gap, 'x', sizeof gap);
    CHECK(FAMCollectionGaps(&fc, &fr, &gap) == 1 && FAMCollectionGaps(&fc, &fr, NULL) == 1);
    CHECK(strncmp(gap.filename, path, strlen(path)) == 0 && strncmp(gap.filename + strlen(path), "/top/ddd", 8) == 0);
    CHECK(strlen(gap.filename) == sizeof gap.filename - 1);
    CHECK(strcmp(gap.reason, "not followed, nor what is in it: its path is longer than 4,095 bytes") == 0);
    /* Another server changes nothing of it. */
    kill_server();
    CHECK(FAMCollectionGaps(&fc, &fr, NULL) == 1);
    CHECK(rename("top", "../gaps-away") == 0);
    await(&fc, FAMDeleted);
    CHECK(FAMCollectionGaps(&fc, &fr, &gap) == 0 && gap.filename[0] == 0 && gap.reason[0] == 0);

    CHECK(FAMMonitorDirectory(&fc, path, &plain, NULL) == 0);
    FAILS(FAMCollectionGaps(&fc, &plain, &gap), 1);
    FAILS(FAMCollectionGaps(NULL, &fr, &gap), 1);
    FAILS(FAMCollectionGaps(&fc, NULL, &gap), 1);
    CHECK(FAMCancelMonitor(&fc, &fr) == 0);
    FAILS(FAMCollectionGaps(&fc, &fr, &gap), 1);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
