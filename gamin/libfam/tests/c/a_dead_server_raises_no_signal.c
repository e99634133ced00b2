/* The server dies, and the program's next call is a request, not a read: no SIGPIPE, and another server serves it (D8). */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest first, second;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &first, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    kill_server();
    CHECK(FAMMonitorDirectory(&fc, path, &second, NULL) == 0);
    CHECK(FAMCancelMonitor(&fc, &first) == 0);
    {
        FAMEvent fe;
        int listed = 0, acknowledged = 0;
        while (!listed || !acknowledged) {
            next(&fc, &fe);
            listed |= fe.fr.reqnum == 2 && fe.code == FAMEndExist;
            acknowledged |= fe.fr.reqnum == 1 && fe.code == FAMAcknowledge;
        }
    }
    touch("new");
    expect(&fc, 2, FAMCreated, "new");
    return 0;
}
