/* FAMClose while another thread, which used the connection, has left events in it and does something else: all descriptors are given
 * back at once. */
#include "check.h"

static FAMConnection fc;
static int used[2], done[2];

static void *use(void *nothing) {
    char byte;
    FAMEvent fe;
    CHECK(FAMNextEvent(&fc, &fe) == 1);
    while (FAMPending(&fc) == 0)
        wait_readable(FAMCONNECTION_GETFD(&fc));
    CHECK(write(used[1], "u", 1) == 1 && read(done[0], &byte, 1) == 1);
    return nothing;
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMRequest fr;
    pthread_t other;
    char byte;
    int before;
    CHECK(pipe(used) == 0 && pipe(done) == 0);
    touch("a");
    touch("b");
    before = descriptors();
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    CHECK(pthread_create(&other, NULL, use, NULL) == 0);
    CHECK(read(used[0], &byte, 1) == 1);
    CHECK(FAMClose(&fc) == 0);
    CHECK(descriptors() == before);
    CHECK(write(done[1], "d", 1) == 1 && pthread_join(other, NULL) == 0);
    return 0;
}
