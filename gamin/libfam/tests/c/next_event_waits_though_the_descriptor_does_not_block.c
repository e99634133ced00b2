/* O_NONBLOCK on the descriptor: FAMPending says 0, FAMNextEvent waits (D10). */
#include "check.h"

static void *work(void *nothing) {
    /* After a while in which the other thread has come to wait, most likely. */
    poll(NULL, 0, 100);
    touch("new");
    return nothing;
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    pthread_t worker;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(fcntl(fc.fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(FAMPending(&fc) == 0 && FAMPending(&fc) == 0);
    CHECK(pthread_create(&worker, NULL, work, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMCreated && strcmp(fe.filename, "new") == 0);
    CHECK(pthread_join(worker, NULL) == 0);
    return 0;
}
