/* All signals are as the program left them (D38). */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    struct sigaction before[65], after;
    sigset_t blocked_before, blocked;
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    int i;
    memset(before, 0, sizeof before);
    for (i = 1; i < 65; i++)
        if (sigaction(i, NULL, &before[i]) != 0)
            before[i].sa_handler = SIG_ERR;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &blocked_before) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    CHECK(FAMClose(&fc) == 0);
    for (i = 1; i < 65; i++)
        if (before[i].sa_handler != SIG_ERR)
            CHECK(sigaction(i, NULL, &after) == 0 && after.sa_handler == before[i].sa_handler);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    for (i = 1; i < 65; i++)
        CHECK(sigismember(&blocked_before, i) == sigismember(&blocked, i));
    return 0;
}
