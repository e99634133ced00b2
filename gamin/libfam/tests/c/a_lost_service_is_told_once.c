/* The server goes and none can be started: FAMPending says that FAMNextEvent will not wait, which gives -1. When there is a server
 * again, everything goes on, from any thread (D12). */
#include "fake_server.h"

static FAMConnection fc;

static void *ask(void *nothing) {
    FAMRequest fr;
    CHECK(FAMMonitorFile(&fc, "/again", &fr, NULL) == 0 && fr.reqnum == 2);
    return nothing;
}

int main(int argc, char **argv) {
    char id[64], bytes[8192];
    FAMRequest fr;
    FAMEvent fe;
    pthread_t asking;
    uint16_t number;
    size_t length;
    int client;
    begin(argc, argv);
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/bin/false", 1) == 0);
    snprintf(id, sizeof id, "lost-%d", (int)getpid());
    listen_as(id);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0);
    client = welcome(&number);
    length = packet(bytes, number, FAMExists, "/asked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    close(listening);
    close(client);
    expect(&fc, 1, FAMExists, "/asked");
    while (FAMPending(&fc) == 0)
        wait_readable(fc.fd);
    CHECK(FAMPending(&fc) == 1);
    FAILS(FAMNextEvent(&fc, &fe), 3);
    listen_as(id);
    CHECK(pthread_create(&asking, NULL, ask, NULL) == 0);
    client = welcome(&number);
    length = packet(bytes, number, FAMExists, "/asked");
    length += packet(bytes + length, number, FAMEndExist, "/asked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    expect(&fc, 1, FAMEndExist, "/asked");
    CHECK(pthread_join(asking, NULL) == 0);
    return 0;
}
