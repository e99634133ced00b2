/* FAMOpen says so at once, touches nothing and leaves no child behind (D40); and however many descriptors there may be, it does
 * not look at them one by one (D39). */
#include "check.h"

#include <sys/resource.h>

int main(int argc, char **argv) {
    FAMConnection fc = {42, (void *)0x42};
    struct rlimit limit;
    begin(argc, argv);
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/nonexistent/gam_server", 1) == 0);
    FAILS(FAMOpen(&fc), 3);
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/bin/false", 1) == 0);
    FAILS(FAMOpen(&fc), 3);
    CHECK(fc.fd == 42 && fc.client == (void *)0x42);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    return 0;
}
