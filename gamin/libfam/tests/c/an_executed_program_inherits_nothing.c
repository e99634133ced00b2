/* All descriptors are close-on-exec. */
#include "check.h"

int main(int argc, char **argv) {
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    char before[16];
    begin(argc, argv);
    if (argc == 3)
        return descriptors() != atoi(argv[2]);
    snprintf(before, sizeof before, "%d", descriptors());
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorFile(&fc, argv[1], &fr, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    execl("/proc/self/exe", argv[0], argv[1], before, (char *)NULL);
    return 1;
}
