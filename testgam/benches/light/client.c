/* What a program does with what it is told, for the benchmark: through the C interface of FAM or, built with -DRAW, by inotify
 * alone, or with -DBARE by the bare process of bare.c. It takes a command a line and says a line when that is done, with the time on CLOCK_MONOTONIC in nanoseconds:
 *
 *     dir N PATH   N connections are opened, each monitors the directory; `listed TIME FIRST`: the last listing's end, the first name
 *     list FILE    monitors the directories that the file names without their entries, and the last line as a file;
 *                  `listed TIME TIME`
 *     until NAME   reads until each connection was told of this name; `came TIME N`, with the number of events, or `short` if
 *                  nothing came for long
 *     times NAME   as until; says each event first: `TIME CODE NAME`, where CODE is C (created), D (deleted) or M (changed)
 *     cancel N FILE    monitors the directories that the file names without their entries and cancels them, N at a time;
 *                  `cancelled TIME N`, with the number of all
 *     tree LEVELS PATH monitors the directory and what is below it; `listed TIME N`, with the number of directories that are not
 *                  followed
 *     close        ends all connections; `closed TIME TIME`
 *
 * The other side is written in it, too, since it has to be quick:
 *
 *     change DIR MS N  writes to the file `hot` and sets its times in turns, N times a second, or with 0 as fast as that goes;
 *                      `done TIME N`, with the number of changes
 *     flicker DIR MS   makes and removes names, each a new one, as fast as that goes; `done TIME N`
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if !defined RAW && !defined BARE
#include <fam.h>
/* The original's library has none. */
#pragma weak FAMMonitorCollection
#pragma weak FAMCollectionGaps
#endif

enum { CONNECTIONS_MAX = 1000, LONG_MS = 20000 };

static int connections;
static struct pollfd ready[CONNECTIONS_MAX];
static int has_seen[CONNECTIONS_MAX];
/* The name that is awaited, and how many connections have still to be told of it. */
static char awaited[8192];
static int unseen;

static void fail(const char *what) {
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void say(const char *word, uint64_t time, uint64_t number) {
    printf("%s %llu %llu\n", word, (unsigned long long)time, (unsigned long long)number);
    fflush(stdout);
}

static void take_event(int at, char code, const char *name, int is_to_say) {
    if (is_to_say)
        printf("%llu %c %s\n", (unsigned long long)now(), code, name);
    if (!has_seen[at] && strcmp(name, awaited) == 0) {
        has_seen[at] = 1;
        unseen--;
    }
}

#ifdef RAW

enum { TOLD = IN_CREATE | IN_DELETE | IN_MODIFY };

static void connect_one(void) {
    ready[connections].fd = inotify_init1(IN_NONBLOCK);
    ready[connections].events = POLLIN;
    if (ready[connections++].fd < 0)
        fail("inotify_init1");
}

static void monitor(int at, const char *path) {
    if (inotify_add_watch(ready[at].fd, path, TOLD) < 0)
        fail(path);
}

static uint64_t list(const char *path) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    struct stat seen;
    uint64_t first = 0;
    if (directory == NULL)
        fail(path);
    while ((entry = readdir(directory)) != NULL) {
        if (fstatat(dirfd(directory), entry->d_name, &seen, AT_SYMLINK_NOFOLLOW) == 0 && first == 0)
            first = now();
    }
    closedir(directory);
    return first;
}

static long take(int at, int is_to_say) {
    static char buffer[64 * 1024] __attribute__((aligned(8)));
    ssize_t size = read(ready[at].fd, buffer, sizeof buffer);
    long count = 0;
    for (char *next = buffer; next < buffer + size;) {
        struct inotify_event *event = (struct inotify_event *)next;
        if (event->mask & TOLD) {
            count++;
            take_event(at, event->mask & IN_CREATE ? 'C' : event->mask & IN_DELETE ? 'D' : 'M', event->name, is_to_say);
        }
        next += sizeof *event + event->len;
    }
    return count;
}

static void listed_all(uint64_t *first) { (void)first; }

static void begin_list(void) { connect_one(); }

static void end_list(const char *path) { monitor(0, path); }

static void end_all(void) {
    while (connections > 0)
        close(ready[--connections].fd);
}

#elif defined BARE

enum { ROOM = 64 * 1024 };

static struct session {
    char told[ROOM];
    size_t len;
} sessions[64];

static void ask(int at, const char *path) {
    char request[8192];
    int len = snprintf(request, sizeof request, "%s\n", path);
    if (send(ready[at].fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        fail(path);
}

static void connect_one(void) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *name = getenv("GAM_CLIENT_ID");
    strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    ready[connections].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ready[connections].events = POLLIN;
    if (connect(ready[connections].fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))) != 0)
        fail(name);
    sessions[connections++].len = 0;
}

static void monitor(int at, const char *path) { ask(at, path); }

static uint64_t list(const char *path) {
    (void)path;
    return 0;
}

/* Gives the code of the last event. */
static long take_all(int at, int is_to_say, char *last) {
    struct session *session = &sessions[at];
    ssize_t size = recv(ready[at].fd, session->told + session->len, ROOM - session->len, 0);
    char *from = session->told, *end;
    long count = 0;
    if (size <= 0)
        fail("recv");
    session->len += (size_t)size;
    while ((end = memchr(from, '\0', session->len)) != NULL) {
        *last = *from;
        if (*last != 'E') {
            count++;
            take_event(at, *last, from + 1, is_to_say);
        }
        session->len -= (size_t)(end + 1 - from);
        from = end + 1;
    }
    memmove(session->told, from, session->len);
    return count;
}

static long take(int at, int is_to_say) {
    char last;
    return take_all(at, is_to_say, &last);
}

static void listed_all(uint64_t *first) {
    (void)first;
    for (int at = 0; at < connections; at++) {
        char last = '\0';
        ask(at, "");
        while (last != 'E')
            take_all(at, 0, &last);
    }
}

static void begin_list(void) { connect_one(); }

static void end_list(const char *path) {
    uint64_t first = 0;
    monitor(0, path);
    listed_all(&first);
}

static void end_all(void) {
    while (connections > 0)
        close(ready[--connections].fd);
}

#else

static FAMConnection fc[CONNECTIONS_MAX];

static void connect_one(void) {
    if (FAMOpen(&fc[connections]) != 0)
        fail("FAMOpen");
    ready[connections].fd = FAMCONNECTION_GETFD(&fc[connections]);
    ready[connections].events = POLLIN;
    connections++;
}

static void monitor(int at, const char *path) {
    FAMRequest request;
    if (FAMMonitorDirectory(&fc[at], path, &request, NULL) != 0)
        fail(path);
}

static uint64_t list(const char *path) {
    (void)path;
    return 0;
}

/* Waits until each connection has been told its listing, or the file that was asked for last. */
static void listed_all(uint64_t *first) {
    FAMEvent event;
    for (int at = 0; at < connections; at++) {
        int names = 0;
        do {
            if (FAMNextEvent(&fc[at], &event) != 1)
                fail("FAMNextEvent");
            if (event.code == FAMExists && ++names == 2 && *first == 0)
                *first = now();
        } while (event.code != FAMEndExist);
    }
}

static long take(int at, int is_to_say) {
    long count = 0;
    FAMEvent event;
    while (FAMPending(&fc[at]) > 0) {
        if (FAMNextEvent(&fc[at], &event) != 1)
            fail("FAMNextEvent");
        if (event.code == FAMExists || event.code == FAMEndExist || event.code == FAMAcknowledge)
            continue;
        count++;
        take_event(at, event.code == FAMCreated ? 'C' : event.code == FAMDeleted ? 'D' : 'M', event.filename, is_to_say);
    }
    return count;
}

static void begin_list(void) {
    connect_one();
    FAMNoExists(&fc[0]);
}

/* Of a file its listing comes, whatever was asked for: so all before it has been heard. */
static void end_list(const char *path) {
    FAMRequest request;
    uint64_t first = 0;
    if (FAMMonitorFile(&fc[0], path, &request, NULL) != 0)
        fail(path);
    listed_all(&first);
}

static long cancel_list(FILE *file, long number) {
    static char line[8192];
    FAMRequest *requests = calloc((size_t)number, sizeof *requests);
    FAMEvent event;
    long all = 0, count;
    if (requests == NULL)
        fail("cancel");
    begin_list();
    do {
        for (count = 0; count < number && fgets(line, sizeof line, file) != NULL; count++) {
            line[strcspn(line, "\n")] = '\0';
            if (FAMMonitorDirectory(&fc[0], line, &requests[count], NULL) != 0)
                fail(line);
        }
        for (long i = 0; i < count; i++)
            if (FAMCancelMonitor(&fc[0], &requests[i]) != 0)
                fail("FAMCancelMonitor");
        for (long left = count; left > 0; left -= event.code == FAMAcknowledge)
            if (FAMNextEvent(&fc[0], &event) != 1)
                fail("FAMNextEvent");
        all += count;
    } while (count == number);
    free(requests);
    return all;
}

static long follow_tree(const char *path, long levels) {
    FAMRequest request;
    FAMEvent event;
    connect_one();
    if (FAMMonitorCollection(&fc[0], path, &request, NULL, (int)levels, "*") != 0)
        fail(path);
    do {
        if (FAMNextEvent(&fc[0], &event) != 1)
            fail("FAMNextEvent");
    } while (event.code != FAMEndExist);
    return FAMCollectionGaps(&fc[0], &request, NULL);
}

static void end_all(void) {
    while (connections > 0)
        FAMClose(&fc[--connections]);
}

#endif

#if defined RAW || defined BARE

static long cancel_list(FILE *file, long number) {
    (void)file;
    (void)number;
    fail("cancel");
    return 0;
}

static long follow_tree(const char *path, long levels) {
    (void)levels;
    fail(path);
    return 0;
}

#endif

static FILE *open_list(const char *name) {
    FILE *file = fopen(name, "r");
    if (file == NULL)
        fail(name);
    return file;
}

static void watch_list(const char *name) {
    static char line[8192], next[8192];
    FILE *file = open_list(name);
    begin_list();
    for (int has_next = fgets(next, sizeof next, file) != NULL; has_next;) {
        strcpy(line, next);
        line[strcspn(line, "\n")] = '\0';
        has_next = fgets(next, sizeof next, file) != NULL;
        if (has_next)
            monitor(0, line);
        else
            end_list(line);
    }
    fclose(file);
}

static long read_events(int is_to_say) {
    long count = 0;
    unseen = connections;
    memset(has_seen, 0, sizeof has_seen);
    while (unseen > 0) {
        int woken = poll(ready, (nfds_t)connections, LONG_MS);
        if (woken == 0 || (woken < 0 && errno != EINTR))
            break;
        for (int at = 0; at < connections; at++)
            if (ready[at].revents != 0)
                count += take(at, is_to_say);
    }
    return count;
}

/* Two changes that the kernel does not merge. */
static void change(int file) {
    if (pwrite(file, "x", 1, 0) != 1 || futimens(file, NULL) != 0)
        fail("hot");
}

static void flicker(int directory, long turn) {
    char name[32];
    int file;
    snprintf(name, sizeof name, "name%ld", turn);
    file = openat(directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 || close(file) != 0 || unlinkat(directory, name, 0) != 0)
        fail(name);
}

static void write_on(const char *path, long ms, long a_second, int is_flicker) {
    uint64_t begin = now(), end = begin + (uint64_t)ms * 1000000u;
    /* Two changes a turn. */
    uint64_t pause = a_second > 0 ? 2000000000u / (uint64_t)a_second : 0;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = openat(directory, "hot", O_WRONLY | O_CLOEXEC);
    long turn = 0;
    if (file < 0)
        fail(path);
    for (; now() < end; turn++) {
        while (now() < begin + (uint64_t)turn * pause)
            ;
        if (is_flicker)
            flicker(directory, turn);
        else
            change(file);
    }
    close(file);
    close(directory);
    say("done", now(), 2 * (uint64_t)turn);
}

int main(void) {
    static char line[8192], said[1 << 20];
    /* Nobody reads while files are changed. */
    setvbuf(stdout, said, _IOFBF, sizeof said);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char path[8192] = "";
        long number = 0, rate = 0;
        uint64_t first = 0;
        if (sscanf(line, "dir %ld %8000s", &number, path) == 2) {
            for (long i = 0; i < number; i++) {
                connect_one();
                monitor(connections - 1, path);
                first = list(path);
            }
            listed_all(&first);
            say("listed", now(), first);
        } else if (sscanf(line, "list %8000s", path) == 1) {
            watch_list(path);
            say("listed", now(), now());
        } else if (sscanf(line, "cancel %ld %8000s", &number, path) == 2) {
            FILE *file = open_list(path);
            long count = cancel_list(file, number);
            fclose(file);
            say("cancelled", now(), (uint64_t)count);
        } else if (sscanf(line, "tree %ld %8000s", &number, path) == 2) {
            long gaps = follow_tree(path, number);
            say("listed", now(), (uint64_t)gaps);
        } else if (sscanf(line, "until %8000s", awaited) == 1 || sscanf(line, "times %8000s", awaited) == 1) {
            long count = read_events(line[0] == 't');
            say(unseen == 0 ? "came" : "short", now(), (uint64_t)count);
        } else if (sscanf(line, "change %8000s %ld %ld", path, &number, &rate) == 3) {
            write_on(path, number, rate, 0);
        } else if (sscanf(line, "flicker %8000s %ld", path, &number) == 2) {
            write_on(path, number, 0, 1);
        } else if (strncmp(line, "close", 5) == 0) {
            end_all();
            say("closed", now(), now());
        } else {
            fprintf(stderr, "client: what is `%s`?\n", line);
            return 2;
        }
    }
    return 0;
}
