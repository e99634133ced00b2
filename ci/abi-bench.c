/* What a call costs, through each of the libraries given, in turns in one process. The server is this program too and has everything
 * sent before the time is taken, so nothing but the library is measured.
 *
 *     abi-bench OURS THEIRS
 *
 * Prints the best of many rounds in nanoseconds a call. It fails if the first two, which are single calls, cost more than one and a half times
 * theirs: before ours asks the kernel for what has come, it asks whether the descriptor is still its own. */

#include "../gamin/libfam/tests/c/fake_server.h"

#include <dlfcn.h>
#include <time.h>

enum { ROUNDS = 500, PENDINGS = 1000, EVENTS = 1000 };

struct library {
    int (*open)(FAMConnection *);
    int (*monitor)(FAMConnection *, const char *, FAMRequest *, void *);
    int (*pending)(FAMConnection *);
    int (*next)(FAMConnection *, FAMEvent *);
    FAMConnection fc;
    int client;
    uint16_t number;
    double best[3];
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static void *function(void *library, const char *name) {
    void *found = dlsym(library, name);
    CHECK(found != NULL);
    return found;
}

static void *take_in(void *library) {
    struct library *the = library;
    the->client = welcome(&the->number);
    return NULL;
}

static void load(struct library *the, const char *path) {
    void *loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    FAMRequest fr;
    pthread_t server;
    char bytes[1024];
    FAMEvent fe;
    size_t length;
    CHECK(loaded != NULL);
    the->open = (int (*)(FAMConnection *))function(loaded, "FAMOpen");
    the->monitor = (int (*)(FAMConnection *, const char *, FAMRequest *, void *))function(loaded, "FAMMonitorDirectory");
    the->pending = (int (*)(FAMConnection *))function(loaded, "FAMPending");
    the->next = (int (*)(FAMConnection *, FAMEvent *))function(loaded, "FAMNextEvent");
    CHECK(pthread_create(&server, NULL, take_in, the) == 0);
    CHECK(the->open(&the->fc) == 0 && the->monitor(&the->fc, "/watched", &fr, the) == 0);
    CHECK(pthread_join(server, NULL) == 0);
    length = packet(bytes, the->number, FAMExists, "/watched");
    length += packet(bytes + length, the->number, FAMEndExist, "/watched");
    CHECK(send(the->client, bytes, length, 0) == (ssize_t)length);
    while (the->pending(&the->fc) == 0)
        ;
    CHECK(the->next(&the->fc, &fe) == 1 && the->next(&the->fc, &fe) == 1 && fe.code == FAMEndExist);
    for (int i = 0; i < 3; i++)
        the->best[i] = 1e18;
}

/* Has events of a directory of a thousand entries, which were all told before, wait in the socket. */
static void send_events(struct library *the) {
    static char bytes[EVENTS * 64];
    size_t length = 0;
    for (int i = 0; i < EVENTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry-number-%04d.txt", i);
        length += packet(bytes + length, the->number, FAMChanged, name);
    }
    CHECK(send(the->client, bytes, length, 0) == (ssize_t)length);
}

static void keep(double *best, double begin, int calls) {
    double each = (now() - begin) / calls;
    *best = each < *best ? each : *best;
}

static void measure(struct library *the) {
    static FAMEvent fe;
    double begin = now();
    for (int i = 0; i < PENDINGS; i++)
        CHECK(the->pending(&the->fc) == 0);
    keep(&the->best[0], begin, PENDINGS);
    send_events(the);
    begin = now();
    for (int i = 0; i < EVENTS; i++)
        CHECK(the->next(&the->fc, &fe) == 1);
    keep(&the->best[1], begin, EVENTS);
    CHECK(strcmp(fe.filename, "entry-number-0999.txt") == 0 && fe.userdata == the);
    send_events(the);
    begin = now();
    for (int i = 0; i < EVENTS; i++)
        CHECK(the->pending(&the->fc) == 1 && the->next(&the->fc, &fe) == 1);
    keep(&the->best[2], begin, EVENTS);
}

int main(int argc, char **argv) {
    static struct library ours, theirs;
    static const char *const what[] = {"FAMPending, nothing pending", "FAMNextEvent, events waiting", "FAMPending and FAMNextEvent"};
    char id[64];
    int slow = 0;
    CHECK(argc == 3);
    alarm(300);
    snprintf(id, sizeof id, "bench-%d", (int)getpid());
    listen_as(id);
    load(&ours, argv[1]);
    load(&theirs, argv[2]);
    for (int i = 0; i < ROUNDS; i++) {
        measure(&ours);
        measure(&theirs);
    }
    for (int i = 0; i < 3; i++) {
        double times = ours.best[i] / theirs.best[i];
        printf("%-30s ours %6.0f ns  theirs %6.0f ns  %.2f times\n", what[i], ours.best[i], theirs.best[i], times);
        slow |= i < 2 && times > 1.5;
    }
    return slow;
}
