/* While no descriptor is left in the process, FAMNextEvent waits as ever, and a loop of poll without a server is woken now and then and
 * not without pause. When there are some again, an epoll instance that the program has made before tells of what comes. */
#include "fake_server.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

static int spare[256], spares, client;
static uint16_t number;

static void use_up(void) {
    while ((spare[spares] = dup(0)) >= 0)
        CHECK(++spares < 256);
    CHECK(errno == EMFILE);
}

static void tell(uint16_t code) {
    char bytes[64];
    size_t length = packet(bytes, number, code, "/asked");
    CHECK(send(client, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
}

static void *tell_soon(void *unused) {
    poll(NULL, 0, 100);
    tell(FAMExists);
    tell(FAMEndExist);
    tell(FAMChanged);
    return unused;
}

static long now_ms(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
    struct rlimit few = {128, 128};
    char id[64];
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    struct epoll_event event = {EPOLLIN, {0}};
    pthread_t writer;
    int epoll, wakes = 0;
    long end;
    begin(argc, argv);
    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        return cannot("the limit of descriptors is not ours to set");
    /* It does not end, and does not listen. */
    CHECK(setenv("GAMIN_DEBUG_SERVER", "/usr/bin/tail", 1) == 0);
    snprintf(id, sizeof id, "short-%d", (int)getpid());
    listen_as(id);
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorFile(&fc, "/asked", &fr, NULL) == 0);
    client = welcome(&number);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fc.fd, &event) == 0);

    use_up();
    CHECK(pthread_create(&writer, NULL, tell_soon, NULL) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMExists);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMEndExist);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMChanged);
    CHECK(pthread_join(writer, NULL) == 0);

    close(listening);
    close(client);
    use_up();
    for (end = now_ms() + 1000; now_ms() < end; wakes++) {
        struct pollfd waiting = {fc.fd, POLLIN, 0};
        CHECK(FAMPending(&fc) == 0);
        poll(&waiting, 1, 100);
    }
    CHECK(wakes < 500);

    /* With so few it is not found out where the descriptor is registered. */
    close(spare[--spares]);
    close(spare[--spares]);
    CHECK(FAMPending(&fc) == 0);
    while (spares > 0)
        close(spare[--spares]);
    listen_as(id);
    CHECK(FAMPending(&fc) == 0);
    while (poll(&(struct pollfd){listening, POLLIN, 0}, 1, 0) == 0)
        CHECK(epoll_wait(epoll, &event, 1, 30000) == 1 && FAMPending(&fc) == 0);
    client = welcome(&number);
    tell(FAMExists);
    tell(FAMEndExist);
    tell(FAMChanged);
    do
        CHECK(epoll_wait(epoll, &event, 1, 30000) == 1);
    while (FAMPending(&fc) == 0);
    CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.code == FAMChanged);
    return 0;
}
