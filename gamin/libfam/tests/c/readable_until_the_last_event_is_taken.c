/* The descriptor is readable as long as there is an event to take, also in memory, and not afterwards; also for a program that only looks at
 * it, as with select. */
#include "fake_server.h"

static int is_readable(int fd) {
    struct pollfd looked = {fd, POLLIN, 0};
    return poll(&looked, 1, 0) == 1 && (looked.revents & POLLIN);
}

int main(int argc, char **argv) {
    char id[64], bytes[8192];
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    uint16_t number, nudge[5];
    size_t length, i;
    int client;
    begin(argc, argv);
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/bin/false", 1) == 0);
    snprintf(id, sizeof id, "readable-%d", (int)getpid());
    listen_as(id);
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0);
    client = welcome(&number);
    while (FAMPending(&fc) == 0 && is_readable(fc.fd))
        ;
    CHECK(!is_readable(fc.fd));
    /* Each event but the last, with half a packet behind it. */
    for (length = 0, i = 0; i < 3; i++)
        length += packet(bytes + length, number, i == 0 ? FAMExists : FAMChanged, "/asked");
    CHECK(send(client, bytes, length - 5, 0) == (ssize_t)length - 5);
    for (i = 0; i < 2; i++) {
        wait_readable(fc.fd);
        CHECK(FAMPending(&fc) == 1 && is_readable(fc.fd));
        CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.fr.reqnum == 1);
    }
    CHECK(!is_readable(fc.fd) && FAMPending(&fc) == 0);
    CHECK(send(client, bytes + length - 5, 5, 0) == 5);
    wait_readable(fc.fd);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMChanged && !is_readable(fc.fd));
    /* What concerns nobody. */
    length = packet(bytes, (uint16_t)(number + 5), FAMChanged, "/unasked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    wait_readable(fc.fd);
    CHECK(FAMPending(&fc) == 0 && !is_readable(fc.fd));
    /* What is told of a suspended request comes from memory: the server is asked for a sign. */
    length = packet(bytes, number, FAMEndExist, "/asked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    wait_readable(fc.fd);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMEndExist);
    CHECK(FAMSuspendMonitor(&fc, &fr) == 0);
    length = packet(bytes, number, FAMDeleted, "/asked");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    wait_readable(fc.fd);
    CHECK(FAMPending(&fc) == 0 && !is_readable(fc.fd));
    CHECK(FAMResumeMonitor(&fc, &fr) == 0);
    CHECK(recv(client, nudge, 10, MSG_WAITALL) == 10 && nudge[4] == 1 && recv(client, bytes, 1, 0) == 1);
    length = packet(bytes, nudge[2], FAMAcknowledge, "/");
    CHECK(send(client, bytes, length, 0) == (ssize_t)length);
    wait_readable(fc.fd);
    CHECK(FAMPending(&fc) == 1 && FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMDeleted);
    CHECK(FAMPending(&fc) == 0 && !is_readable(fc.fd));
    return 0;
}
