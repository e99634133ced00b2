/* While there is no server, a program in a loop of poll is woken now and then, to try again, and not without pause; and once it was told
 * that none can be had, not at all. */
#include "fake_server.h"

int main(int argc, char **argv) {
    char id[64];
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    struct pollfd waiting;
    uint16_t number;
    int client, wakes = 0;
    begin(argc, argv);
    /* It does not end, and does not listen. */
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/usr/bin/tail", 1) == 0);
    snprintf(id, sizeof id, "rest-%d", (int)getpid());
    listen_as(id);
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0);
    client = welcome(&number);
    close(listening);
    close(client);
    while (FAMPending(&fc) == 0) {
        wait_readable(fc.fd);
        wakes++;
    }
    /* In five seconds at most, each 20 ms or rarer but for the first dozens. */
    CHECK(wakes < 1000);
    FAILS(FAMNextEvent(&fc, &fe), 3);
    waiting.fd = fc.fd;
    waiting.events = POLLIN;
    CHECK(poll(&waiting, 1, 200) == 0);
    return 0;
}
