/* All descriptors are close-on-exec. */
#include "check.h"

#include <dirent.h>

static int count(void) {
    DIR *all = opendir("/proc/self/fd");
    int found = 0;
    CHECK(all != NULL);
    while (readdir(all) != NULL)
        found++;
    closedir(all);
    return found;
}

int main(int argc, char **argv) {
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    char before[16];
    begin(argc, argv);
    if (argc == 3)
        return count() != atoi(argv[2]);
    snprintf(before, sizeof before, "%d", count());
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorFile(&fc, argv[1], &fr, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    execl("/proc/self/exe", argv[0], argv[1], before, (char *)NULL);
    return 1;
}
