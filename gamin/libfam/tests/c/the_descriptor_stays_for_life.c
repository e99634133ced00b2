/* The number, the flags the program set, and its epoll registration survive the server (D10). */
#include "check.h"

#include <sys/epoll.h>

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr;
    struct epoll_event event = {EPOLLIN | EPOLLRDHUP, {0}};
    int epoll = epoll_create1(EPOLL_CLOEXEC), before;
    CHECK(FAMOpen(&fc) == 0);
    before = fc.fd;
    CHECK(fcntl(fc.fd, F_SETFL, fcntl(fc.fd, F_GETFL) | O_NONBLOCK) == 0);
    CHECK(fcntl(fc.fd, F_GETFD) & FD_CLOEXEC);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fc.fd, &event) == 0);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    kill_server();
    touch("new");
    while (FAMPending(&fc) == 0)
        CHECK(epoll_wait(epoll, &event, 1, 30000) == 1);
    expect(&fc, 1, FAMCreated, "new");
    CHECK(fc.fd == before && (fcntl(fc.fd, F_GETFL) & O_NONBLOCK) && (fcntl(fc.fd, F_GETFD) & FD_CLOEXEC));
    CHECK(FAMPending(&fc) == 0);
    touch("newer");
    while (FAMPending(&fc) == 0)
        CHECK(epoll_wait(epoll, &event, 1, 30000) == 1);
    expect(&fc, 1, FAMCreated, "newer");
    return 0;
}
