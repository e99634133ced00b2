/* Both find no server and start one: both end up with the same, and both are served. */
#include "check.h"

static FAMConnection connections[4];

static void *start(void *fc) {
    CHECK(FAMOpen(fc) == 0);
    return NULL;
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    pthread_t threads[4];
    pid_t server;
    int i;
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, start, &connections[i]) == 0);
    for (i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < 4; i++) {
        FAMRequest fr;
        CHECK(FAMMonitorDirectory(&connections[i], path, &fr, NULL) == 0 && fr.reqnum == 1);
        expect(&connections[i], 1, FAMExists, path);
        expect(&connections[i], 1, FAMEndExist, path);
    }
    /* With the one that can be reached all are gone, so it was the only one. */
    server = server_pid();
    CHECK(kill(server, SIGSTOP) == 0);
    touch("new");
    poll(NULL, 0, 300);
    for (i = 0; i < 4; i++)
        CHECK(FAMPending(&connections[i]) == 0);
    CHECK(kill(server, SIGCONT) == 0);
    for (i = 0; i < 4; i++)
        expect(&connections[i], 1, FAMCreated, "new");
    return 0;
}
