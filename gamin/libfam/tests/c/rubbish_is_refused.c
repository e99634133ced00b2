/* A structure that was never opened and holds whatever was there before. */
#include "check.h"

#include <stdint.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
    long on_stack[8];
    void *unmapped;
    volatile uintptr_t freed;
    void *values[8];
    size_t i;
    begin(argc, argv);
    memset(on_stack, 0x55, sizeof on_stack);
    freed = (uintptr_t)malloc(64);
    free((void *)freed);
    unmapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(unmapped, 4096) == 0);
    values[0] = on_stack;
    values[1] = (void *)freed;
    values[2] = unmapped;
    values[3] = (void *)1;
    values[4] = (void *)0x5555555555555555;
    values[5] = (void *)-1L;
    values[6] = (char *)on_stack + 3;
    values[7] = (void *)main;
    for (i = 0; i < sizeof values / sizeof *values; i++) {
        FAMConnection fc = {5, values[i]};
        FAMRequest fr = {1};
        FAMEvent fe;
        FAILS(FAMPending(&fc), 1);
        FAILS(FAMNextEvent(&fc, &fe), 1);
        FAILS(FAMMonitorFile(&fc, "/", &fr, NULL), 1);
        FAILS(FAMCancelMonitor(&fc, &fr), 1);
        FAILS(FAMNoExists(&fc), 1);
        FAILS(FAMSuspendMonitor(&fc, &fr), 1);
        FAILS(FAMClose(&fc), 1);
        CHECK(fc.fd == 5 && fc.client == values[i]);
    }
    return 0;
}
