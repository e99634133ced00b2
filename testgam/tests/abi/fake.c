/* A library with the original's functions that tells of every path that it exists, and nothing else. What the last component
 * of a path says, it does: abort, pipe (SIGPIPE), exit, hang, mixup (the wrong user data). */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct { int fd; void *client; } Connection;
typedef struct { int reqnum; } Request;
typedef struct {
    Connection *fc;
    Request fr;
    char *hostname;
    char filename[4096];
    void *userdata;
    int code;
} Event;

enum { ACKNOWLEDGE = 7, EXISTS = 8, END_EXIST = 9 };

int FAMErrno;
static Event queue[64];
static int first, last, requests;
static struct { char path[4096]; void *userdata; } asked[64];

static int tell(Connection *fc, int request, int code) {
    Event *event = &queue[last++];
    *event = (Event){fc, {request}, NULL, "", asked[request].userdata, code};
    strcpy(event->filename, asked[request].path);
    return eventfd_write(fc->fd, 1);
}

int FAMOpen(Connection *fc) {
    fc->fd = eventfd(0, EFD_CLOEXEC);
    fc->client = &queue;
    return 0;
}

int FAMClose(Connection *fc) { return close(fc->fd); }
int FAMPending(Connection *fc) { return first < last; }

int FAMNextEvent(Connection *fc, Event *event) {
    eventfd_t count;
    *event = queue[first++];
    if (first == last)
        eventfd_read(fc->fd, &count);
    return 1;
}

static int monitor(Connection *fc, const char *path, Request *fr, void *userdata) {
    const char *name = strrchr(path, '/') + 1;
    if (strcmp(name, "abort") == 0)
        abort();
    if (strcmp(name, "pipe") == 0)
        raise(SIGPIPE);
    if (strcmp(name, "exit") == 0)
        exit(3);
    while (strcmp(name, "hang") == 0)
        pause();
    if (strcmp(name, "refuse") == 0) {
        FAMErrno = 2;
        return -1;
    }
    strcpy(asked[fr->reqnum].path, path);
    asked[fr->reqnum].userdata = strcmp(name, "mixup") == 0 ? &requests : userdata;
    tell(fc, fr->reqnum, EXISTS);
    return tell(fc, fr->reqnum, END_EXIST);
}

int FAMMonitorDirectory(Connection *fc, const char *path, Request *fr, void *userdata) {
    fr->reqnum = ++requests;
    return monitor(fc, path, fr, userdata);
}

int FAMMonitorFile(Connection *fc, const char *path, Request *fr, void *userdata) {
    return FAMMonitorDirectory(fc, path, fr, userdata);
}

int FAMMonitorDirectory2(Connection *fc, const char *path, Request *fr) { return monitor(fc, path, fr, NULL); }
int FAMMonitorFile2(Connection *fc, const char *path, Request *fr) { return monitor(fc, path, fr, NULL); }
int FAMCancelMonitor(Connection *fc, const Request *fr) { return tell(fc, fr->reqnum, ACKNOWLEDGE); }
