/* Opened and closed 500 times: no descriptor and no memory is left. */
#include "check.h"

#include <malloc.h>

static void cycle(const char *path) {
    FAMConnection fc;
    FAMRequest fr, collection;
    FAMEvent fe;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, &fr) == 0);
    CHECK(FAMMonitorFile(&fc, path, &collection, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    CHECK(FAMClose(&fc) == 0);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection keep;
    int i, before;
    size_t memory;
    /* So that the server stays. */
    CHECK(FAMOpen(&keep) == 0);
    for (i = 0; i < 20; i++)
        cycle(path);
    before = descriptors();
    memory = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (i = 0; i < 500; i++)
        cycle(path);
    CHECK(descriptors() == before);
    CHECK(mallinfo2().uordblks + mallinfo2().hblkhd < memory + 4096);
    return 0;
}
