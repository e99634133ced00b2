/* A program closes all descriptors, as daemons do, and opens its own, of any kind, where the connection's was: nothing is written to
 * them, read from them or closed, and each call gives -1 and error 3 at once. It may open another connection. */
#include "check.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

static const char *path;

static void refused(FAMConnection *fc, FAMRequest *fr) {
    FAMRequest other;
    FAMEvent fe;
    FAILS(FAMPending(fc), 3);
    FAILS(FAMNextEvent(fc, &fe), 3);
    FAILS(FAMMonitorDirectory(fc, path, &other, NULL), 3);
    FAILS(FAMMonitorFile(fc, path, &other, NULL), 3);
    FAILS(FAMMonitorCollection(fc, path, &other, NULL, 1, "*"), 3);
    FAILS(FAMCancelMonitor(fc, fr), 3);
    FAILS(FAMSuspendMonitor(fc, fr), 3);
    FAILS(FAMResumeMonitor(fc, fr), 3);
    FAILS(FAMNoExists(fc), 3);
    FAILS(FAMClose(fc), 3);
    FAILS(FAMClose(fc), 1);
}

static void close_all(void) {
    int fd;
    for (fd = 3; fd < 200; fd++)
        close(fd);
}

static void open_one(FAMConnection *fc, FAMRequest *fr) {
    CHECK(FAMOpen(fc) == 0 && FAMMonitorFile(fc, path, fr, NULL) == 0);
    CHECK(fc->fd >= 3 && fc->fd < 200);
}

static void expect_all(FAMConnection *fc) {
    expect(fc, 1, FAMExists, path);
    expect(fc, 1, FAMEndExist, path);
}

/* Puts what a program has opened where the connection was. */
static int put(int own, int fd) {
    if (own != fd) {
        CHECK(dup2(own, fd) == fd && close(own) == 0);
    }
    return fd;
}

static void a_file(void) {
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    char read[8];
    int fd;
    open_one(&fc, &fr);
    /* One event is taken, the other is in memory: it needs no descriptor. */
    expect(&fc, 1, FAMExists, path);
    while (FAMPending(&fc) == 0)
        wait_readable(fc.fd);
    fd = fc.fd;
    close_all();
    put(open("own", O_CREAT | O_TRUNC | O_RDWR, 0600), fd);
    CHECK(write(fd, "content", 7) == 7 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK(FAMPending(&fc) == 1 && FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMEndExist);
    refused(&fc, &fr);
    CHECK(lseek(fd, 0, SEEK_CUR) == 0 && pread(fd, read, 8, 0) == 7 && memcmp(read, "content", 7) == 0);
    close(fd);
}

static void a_socket(void) {
    FAMConnection fc;
    FAMRequest fr;
    char read[8];
    int fd, pair[2];
    open_one(&fc, &fr);
    expect_all(&fc);
    fd = fc.fd;
    close_all();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pair[1] = fcntl(pair[1], F_DUPFD, 100);
    put(pair[0], fd);
    CHECK(write(pair[1], "content", 7) == 7);
    refused(&fc, &fr);
    CHECK(recv(fd, read, 8, MSG_DONTWAIT) == 7 && memcmp(read, "content", 7) == 0);
    CHECK(recv(pair[1], read, 8, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close_all();
}

static void nothing(void) {
    FAMConnection fc;
    FAMRequest fr;
    open_one(&fc, &fr);
    expect_all(&fc);
    close_all();
    refused(&fc, &fr);
    open_one(&fc, &fr);
    close_all();
    FAILS(FAMClose(&fc), 3);
}

/* Another connection of the program's own. */
static void a_connection(void) {
    FAMConnection fc, next;
    FAMRequest fr, again;
    int fd;
    open_one(&fc, &fr);
    fd = fc.fd;
    close_all();
    open_one(&next, &again);
    if (next.fd == fd)
        refused(&fc, &fr);
    expect_all(&next);
    CHECK(FAMClose(&next) == 0);
}

/* While there is no server, the library has a timer where the socket was, and the program one of its own. */
static void a_timer(void) {
    FAMConnection fc;
    FAMRequest fr;
    struct itimerspec set = {{0, 0}, {1000, 0}};
    pid_t server;
    eventfd_t count;
    int fd, i;
    open_one(&fc, &fr);
    expect_all(&fc);
    for (i = 0; i < 2; i++) {
        server = server_pid();
        CHECK(setenv("GAMIN_DEBUG_SERVER", "/bin/false", 1) == 0);
        CHECK(kill(server, SIGKILL) == 0);
        wait_readable(fc.fd);
        CHECK(FAMPending(&fc) == 0);
        fd = fc.fd;
        close_all();
        if (i == 0) {
            put(timerfd_create(CLOCK_MONOTONIC, 0), fd);
            CHECK(timerfd_settime(fd, 0, &set, NULL) == 0);
        } else {
            put(eventfd(7, 0), fd);
        }
        refused(&fc, &fr);
        if (i == 0)
            CHECK(timerfd_gettime(fd, &set) == 0 && set.it_value.tv_sec > 800 && set.it_interval.tv_nsec == 0);
        else
            CHECK(eventfd_read(fd, &count) == 0 && count == 7);
        close(fd);
        if (i == 0) {
            CHECK(setenv("GAMIN_DEBUG_SERVER", getenv("SERVER"), 1) == 0);
            open_one(&fc, &fr);
            expect_all(&fc);
        }
    }
}

int main(int argc, char **argv) {
    path = begin(argc, argv);
    CHECK(setenv("SERVER", getenv("GAMIN_DEBUG_SERVER"), 1) == 0);
    a_file();
    a_socket();
    nothing();
    a_connection();
    a_timer();
    return 0;
}
