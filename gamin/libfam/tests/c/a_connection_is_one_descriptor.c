/* A connection holds one descriptor and no more, whatever is done with it: while it has events, without a server and with the next one; a thread that
 * waits in FAMNextEvent has a copy meanwhile. */
#include "fake_server.h"

static FAMConnection fc;
static int opened;

static void *wait_for_one(void *nothing) {
    FAMEvent fe;
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMChanged);
    return nothing;
}

/* The server, which is lost and there again as it is ordered. It is another process, so its descriptors are not counted. */
static pid_t serve(int told, int rounds) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char bytes[8192], order;
        while (rounds-- > 0) {
            uint16_t number;
            int client = welcome(&number);
            size_t length = packet(bytes, number, FAMExists, "/asked");
            length += packet(bytes + length, number, FAMEndExist, "/asked");
            CHECK(send(client, bytes, length, 0) == (ssize_t)length);
            while (read(told, &order, 1) == 1 && order == 'e') {
                length = packet(bytes, number, FAMChanged, "/asked");
                CHECK(send(client, bytes, length, 0) == (ssize_t)length);
            }
            close(client);
        }
        _exit(0);
    }
    return child;
}

int main(int argc, char **argv) {
    char id[64];
    FAMConnection other;
    FAMRequest fr;
    FAMEvent fe;
    pthread_t waiting;
    pid_t server;
    int orders[2], status, before, i;
    begin(argc, argv);
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/nowhere", 1) == 0);
    snprintf(id, sizeof id, "one-%d", (int)getpid());
    listen_as(id);
    CHECK(pipe(orders) == 0);
    server = serve(orders[0], 2);
    close(listening);
    before = descriptors();
    opened = before + 1;
    CHECK(FAMOpen(&fc) == 0 && descriptors() == opened);
    CHECK(FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0 && descriptors() == opened);
    expect(&fc, 1, FAMExists, "/asked");
    CHECK(descriptors() == opened);
    expect(&fc, 1, FAMEndExist, "/asked");
    CHECK(FAMPending(&fc) == 0 && descriptors() == opened);
    CHECK(pthread_create(&waiting, NULL, wait_for_one, NULL) == 0);
    for (i = 0; i < 20; i++) {
        poll(NULL, 0, 1);
        /* Whoever waits has a copy of it meanwhile. */
        CHECK(descriptors() <= opened + 1);
    }
    CHECK(write(orders[1], "e", 1) == 1 && pthread_join(waiting, NULL) == 0 && descriptors() == opened);
    /* The next server. */
    CHECK(write(orders[1], "ne", 2) == 2);
    while (FAMPending(&fc) == 0) {
        CHECK(descriptors() == opened);
        wait_readable(fc.fd);
    }
    CHECK(descriptors() == opened);
    expect(&fc, 1, FAMChanged, "/asked");
    CHECK(descriptors() == opened);
    /* None. While one is being started there would be a pipe from it. */
    CHECK(kill(server, SIGKILL) == 0 && waitpid(server, &status, 0) == server);
    while (FAMPending(&fc) == 0) {
        CHECK(descriptors() == opened);
        wait_readable(fc.fd);
    }
    while (FAMNextEvent(&fc, &fe) == 1)
        CHECK(descriptors() == opened);
    CHECK(FAMErrno == 3 && descriptors() == opened);
    CHECK(FAMClose(&fc) == 0 && descriptors() == before);
    FAILS(FAMOpen(&other), 3);
    CHECK(descriptors() == before);
    return 0;
}
