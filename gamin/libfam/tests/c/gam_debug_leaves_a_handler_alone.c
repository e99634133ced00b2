/* Also with GAM_DEBUG set, a program keeps the handler of SIGUSR2 that it has. */
#include "check.h"

static volatile sig_atomic_t heard;

static void hear(int number) {
    (void)number;
    heard = 1;
}

int main(int argc, char **argv) {
    FAMConnection fc;
    struct sigaction ours, after;
    begin(argc, argv);
    CHECK(setenv("GAM_DEBUG", "", 1) == 0);
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = hear;
    CHECK(sigaction(SIGUSR2, &ours, NULL) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(sigaction(SIGUSR2, NULL, &after) == 0 && after.sa_handler == hear);
    CHECK(raise(SIGUSR2) == 0 && heard);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
