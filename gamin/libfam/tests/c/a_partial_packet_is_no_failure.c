/* Half a packet, and events of requests that nobody made: FAMNextEvent waits for the whole one that counts (D11). */
#include "fake_server.h"

static void *serve(void *nothing) {
    char bytes[8192];
    uint16_t number;
    size_t length, i;
    int client = welcome(&number);
    length = packet(bytes, (uint16_t)(number + 5), FAMChanged, "/unasked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    poll(NULL, 0, 50);
    length = packet(bytes, number, FAMExists, "/asked");
    for (i = 0; i < length; i++) {
        CHECK(send(client, bytes + i, 1, 0) == 1);
        poll(NULL, 0, 5);
    }
    return nothing;
}

int main(int argc, char **argv) {
    char id[64];
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    pthread_t server;
    begin(argc, argv);
    snprintf(id, sizeof id, "partial-%d", (int)getpid());
    listen_as(id);
    CHECK(pthread_create(&server, NULL, serve, NULL) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    CHECK(fe.fr.reqnum == 1 && fe.code == FAMExists && strcmp(fe.filename, "/asked") == 0);
    return 0;
}
