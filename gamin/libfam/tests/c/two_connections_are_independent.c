/* Two connections of one program: each has numbers, user data and manners of its own, and neither waits for the other's events or
 * misses it when it is closed. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection one, other;
    FAMRequest fr, twin;
    FAMEvent fe;
    CHECK(FAMOpen(&one) == 0 && FAMOpen(&other) == 0 && one.fd != other.fd);
    CHECK(FAMNoExists(&one) == 0);
    CHECK(FAMMonitorDirectory(&one, path, &fr, &one) == 0 && FAMMonitorDirectory(&other, path, &twin, &other) == 0);
    CHECK(fr.reqnum == 1 && twin.reqnum == 1);
    expect(&other, 1, FAMExists, path);
    expect(&other, 1, FAMEndExist, path);
    touch("new");
    /* What the one has not read hinders the other in nothing. */
    next(&other, &fe);
    CHECK(fe.fc == &other && fe.userdata == &other && fe.code == FAMCreated);
    CHECK(FAMCancelMonitor(&other, &twin) == 0);
    expect(&other, 1, FAMAcknowledge, path);
    CHECK(FAMClose(&other) == 0);
    next(&one, &fe);
    CHECK(fe.fc == &one && fe.userdata == &one && fe.code == FAMCreated && strcmp(fe.filename, "new") == 0);
    touch("newer");
    expect(&one, 1, FAMCreated, "newer");
    CHECK(FAMClose(&one) == 0);
    return 0;
}
