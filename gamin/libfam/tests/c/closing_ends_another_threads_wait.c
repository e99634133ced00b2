/* FAMClose while other threads use the connection: FAMNextEvent gives -1, and nothing is freed under them. */
#include "check.h"

static FAMConnection fc;

static void *use(void *nothing) {
    FAMEvent fe;
    while (FAMNextEvent(&fc, &fe) == 1)
        ;
    CHECK(FAMErrno == 3 || FAMErrno == 1);
    return nothing;
}

static void *look(void *nothing) {
    while (FAMPending(&fc) != -1)
        ;
    return nothing;
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    int i;
    for (i = 0; i < 50; i++) {
        pthread_t waiting, looking;
        FAMRequest fr;
        CHECK(FAMOpen(&fc) == 0);
        CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
        CHECK(pthread_create(&waiting, NULL, use, NULL) == 0);
        CHECK(pthread_create(&looking, NULL, look, NULL) == 0);
        poll(NULL, 0, i % 5);
        CHECK(FAMClose(&fc) == 0);
        CHECK(pthread_join(waiting, NULL) == 0 && pthread_join(looking, NULL) == 0);
    }
    return 0;
}
