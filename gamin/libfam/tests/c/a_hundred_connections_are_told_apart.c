/* A hundred connections at once, of one server: each has its own events, and a copy of one that was closed is none, also when its place is
 * taken again. */
#include "check.h"

enum { CONNECTIONS = 100, ROUNDS = 3 };

static FAMConnection fc[CONNECTIONS];

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    int before = descriptors();
    for (int round = 0; round < ROUNDS; round++) {
        FAMConnection closed;
        FAMRequest fr;
        FAMEvent fe;
        pid_t server = 0;
        for (int i = 0; i < CONNECTIONS; i++) {
            CHECK(FAMOpen(&fc[i]) == 0 && FAMMonitorFile(&fc[i], path, &fr, &fc[i]) == 0);
            if (i == 0)
                server = server_pid();
        }
        for (int i = 0; i < CONNECTIONS; i++) {
            next(&fc[i], &fe);
            CHECK(fe.fc == &fc[i] && fe.userdata == &fc[i] && fe.code == FAMExists);
        }
        CHECK(server_pid() == server);
        closed = fc[round];
        CHECK(FAMClose(&fc[round]) == 0);
        FAILS(FAMPending(&closed), 1);
        FAILS(FAMNextEvent(&closed, &fe), 1);
        FAILS(FAMClose(&closed), 1);
        for (int i = 0; i < CONNECTIONS; i++)
            CHECK(i == round || FAMClose(&fc[i]) == 0);
        CHECK(descriptors() == before);
    }
    return 0;
}
