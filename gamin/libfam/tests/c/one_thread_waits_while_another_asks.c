/* FAMNextEvent holds nothing that other calls on the connection need (D12). */
#include "check.h"

static FAMConnection fc;

static void *wait_for_it(void *nothing) {
    FAMEvent fe;
    do
        CHECK(FAMNextEvent(&fc, &fe) == 1);
    while (fe.code != FAMCreated);
    return nothing;
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMRequest fr, other;
    pthread_t waiting;
    int i;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(pthread_create(&waiting, NULL, wait_for_it, NULL) == 0);
    for (i = 0; i < 200; i++) {
        CHECK(FAMMonitorDirectory(&fc, path, &other, NULL) == 0);
        CHECK(FAMPending(&fc) >= 0);
        CHECK(FAMCancelMonitor(&fc, &other) == 0);
    }
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    for (i = 0; pthread_tryjoin_np(waiting, NULL) != 0; i++) {
        /* Again and again: what is made before the listing is Exists. */
        char name[32];
        snprintf(name, sizeof name, "new-%d", i);
        touch(name);
        poll(NULL, 0, 10);
    }
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
