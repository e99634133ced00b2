/* A program that has no server closes all descriptors, as daemons do, and opens its own: whatever it has is left alone, each call gives -1
 * and error 3 at once, and it may open another connection. */
#include "check.h"

#include <sys/epoll.h>

static void close_all(void) {
    int fd;
    for (fd = 3; fd < 200; fd++)
        close(fd);
}

static void open_one(const char *path, FAMConnection *fc, FAMRequest *fr) {
    CHECK(FAMOpen(fc) == 0 && FAMMonitorFile(fc, path, fr, NULL) == 0);
    CHECK(fc->fd >= 3 && fc->fd < 200);
    expect(fc, 1, FAMExists, path);
    expect(fc, 1, FAMEndExist, path);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc, next;
    FAMRequest fr, again;
    FAMEvent fe;
    int fd, own, i, fds[16];
    CHECK(setenv("GAM_MODE", "embedded", 1) == 0);
    open_one(path, &fc, &fr);
    fd = fc.fd;
    close_all();
    /* As many as the connection had, all of which have the lowest numbers. */
    for (i = 0; i < 16; i++)
        fds[i] = epoll_create1(0);
    own = open("own", O_CREAT | O_TRUNC | O_RDWR, 0600);
    CHECK(own >= 0 && epoll_create1(0) >= 0);
    FAILS(FAMPending(&fc), 3);
    FAILS(FAMNextEvent(&fc, &fe), 3);
    FAILS(FAMMonitorDirectory(&fc, path, &again, NULL), 3);
    FAILS(FAMClose(&fc), 3);
    FAILS(FAMClose(&fc), 1);
    for (i = 0; i < 16; i++)
        CHECK(fcntl(fds[i], F_GETFD) >= 0);
    CHECK(fcntl(fd, F_GETFD) >= 0 && fcntl(own, F_GETFD) >= 0);
    open_one(path, &next, &again);
    touch("new");
    CHECK(FAMClose(&next) == 0);
    return 0;
}
