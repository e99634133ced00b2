/* 65,535 requests are in use at once: the next one is refused, and says so (D13). */
#include "fake_server.h"

static void *serve(void *nothing) {
    char bytes[65536];
    uint16_t number;
    int client = welcome(&number);
    while (recv(client, bytes, sizeof bytes, 0) > 0)
        ;
    return nothing;
}

int main(int argc, char **argv) {
    char id[64];
    FAMConnection fc;
    FAMRequest fr = {0};
    pthread_t server;
    int i;
    begin(argc, argv);
    snprintf(id, sizeof id, "many-%d", (int)getpid());
    listen_as(id);
    CHECK(pthread_create(&server, NULL, serve, NULL) == 0);
    CHECK(FAMOpen(&fc) == 0);
    for (i = 1; i <= 65535; i++)
        CHECK(FAMMonitorFile(&fc, "/", &fr, NULL) == 0 && fr.reqnum == i);
    FAILS(FAMMonitorFile(&fc, "/", &fr, NULL), 5);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
