/* Numbers, user data, cancels that were not acknowledged, and changes meanwhile survive the server (D9), and FAMNextEvent
 * does not fail for it (D11). */
#include "check.h"

static int user_data[4];

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    char old[PATH_MAX];
    FAMConnection fc;
    FAMRequest directory, file, third;
    FAMEvent fe;
    pid_t server;
    snprintf(old, sizeof old, "%s/old", path);
    touch("old");
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &directory, &user_data[1]) == 0);
    CHECK(FAMMonitorFile(&fc, old, &file, &user_data[2]) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMExists, "old");
    expect(&fc, 1, FAMEndExist, path);
    expect(&fc, 2, FAMExists, old);
    expect(&fc, 2, FAMEndExist, old);
    server = server_pid();
    CHECK(kill(server, SIGSTOP) == 0);
    CHECK(FAMCancelMonitor(&fc, &file) == 0);
    unlink("old");
    touch("new");
    CHECK(kill(server, SIGKILL) == 0);
    /* What was cancelled is acknowledged, with its path; then the difference. */
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    CHECK(fe.fr.reqnum == 2 && fe.code == FAMAcknowledge && strcmp(fe.filename, old) == 0);
    CHECK(fe.userdata == &user_data[2]);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    CHECK(fe.fr.reqnum == 1 && fe.code == FAMDeleted && strcmp(fe.filename, "old") == 0);
    CHECK(fe.userdata == &user_data[1]);
    expect(&fc, 1, FAMCreated, "new");
    CHECK(FAMMonitorFile(&fc, old, &third, NULL) == 0);
    CHECK(third.reqnum == 3);
    expect(&fc, 3, FAMDeleted, old);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
