/* A bare second process, for the benchmark: it asks inotify for others, and passes on what that says. It remembers nothing, so it is what
 * a monitor in a process of its own costs at least. `bare [-l] NAME` listens at NAME, an abstract address; -l has it also read each
 * directory that it is asked for once, without a look at the entries.
 *
 * A request is a path and a newline; an empty path is answered when all before it has been done. What is told is a letter (C created, D
 * deleted, M changed, E for that answer), a name, and a NUL. What one reading of the kernel's queue brought is written at once, and not
 * read on before that has been taken.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SESSIONS_MAX = 64, ROOM = 64 * 1024, TOLD = IN_CREATE | IN_DELETE | IN_MODIFY };

static struct session {
    char asked[ROOM], told[ROOM];
    size_t asked_len, told_len, told_from;
} sessions[SESSIONS_MAX];
/* The listener; then two for each session, its socket and its queue. */
static struct pollfd ready[1 + 2 * SESSIONS_MAX];
static int count;
static int is_to_list;

static void fail(const char *what) {
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_socket(const char *name) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    ready[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ready[0].events = POLLIN;
    if (bind(ready[0].fd, (struct sockaddr *)&address, len) != 0 || listen(ready[0].fd, SESSIONS_MAX) != 0)
        fail(name);
}

static void take_in(void) {
    struct pollfd *both = &ready[1 + 2 * count];
    if (count == SESSIONS_MAX)
        fail("too many sessions");
    both[0].fd = accept4(ready[0].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    both[1].fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    both[0].events = both[1].events = POLLIN;
    if (both[0].fd < 0 || both[1].fd < 0)
        fail("session");
    sessions[count].asked_len = sessions[count].told_len = sessions[count].told_from = 0;
    count++;
}

/* The last one takes its place. */
static void end(int at) {
    close(ready[1 + 2 * at].fd);
    close(ready[2 + 2 * at].fd);
    count--;
    sessions[at] = sessions[count];
    memcpy(&ready[1 + 2 * at], &ready[1 + 2 * count], 2 * sizeof *ready);
}

static void tell(struct session *session, char code, const char *name) {
    size_t len = strlen(name) + 1;
    if (session->told_len + 1 + len > ROOM)
        fail("no room");
    session->told[session->told_len++] = code;
    memcpy(session->told + session->told_len, name, len);
    session->told_len += len;
}

/* Writes what the socket takes. Until it has taken all, nothing more is read. */
static void send_told(int at) {
    struct session *session = &sessions[at];
    size_t left = session->told_len - session->told_from;
    ssize_t size = write(ready[1 + 2 * at].fd, session->told + session->told_from, left);
    if (size > 0)
        session->told_from += (size_t)size;
    if (session->told_from == session->told_len)
        session->told_from = session->told_len = 0;
    ready[1 + 2 * at].events = session->told_len > 0 ? POLLOUT : POLLIN;
    ready[2 + 2 * at].events = session->told_len > 0 ? 0 : POLLIN;
}

static void list(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    while (readdir(directory) != NULL)
        ;
    closedir(directory);
}

static void carry_out(int at, const char *path) {
    if (*path == '\0') {
        tell(&sessions[at], 'E', "");
        return;
    }
    if (inotify_add_watch(ready[2 + 2 * at].fd, path, TOLD) < 0)
        fail(path);
    if (is_to_list)
        list(path);
}

/* Gives whether the session goes on. */
static int take_requests(int at) {
    struct session *session = &sessions[at];
    char *from = session->asked, *end_of_line;
    ssize_t size = read(ready[1 + 2 * at].fd, from + session->asked_len, ROOM - session->asked_len);
    if (size <= 0)
        return size < 0 && errno == EAGAIN;
    session->asked_len += (size_t)size;
    while ((end_of_line = memchr(from, '\n', session->asked_len)) != NULL) {
        *end_of_line++ = '\0';
        carry_out(at, from);
        session->asked_len -= (size_t)(end_of_line - from);
        from = end_of_line;
    }
    memmove(session->asked, from, session->asked_len);
    return 1;
}

static void pass_on(int at) {
    /* A record is longer than what is told of it, so one reading always has room. */
    static char buffer[ROOM] __attribute__((aligned(8)));
    ssize_t size = read(ready[2 + 2 * at].fd, buffer, sizeof buffer);
    for (char *next = buffer; next < buffer + size;) {
        struct inotify_event *event = (struct inotify_event *)next;
        if (event->mask & TOLD)
            tell(&sessions[at], event->mask & IN_CREATE ? 'C' : event->mask & IN_DELETE ? 'D' : 'M', event->len > 0 ? event->name : "");
        next += sizeof *event + event->len;
    }
}

int main(int argc, char **argv) {
    is_to_list = argc == 3 && strcmp(argv[1], "-l") == 0;
    open_socket(argv[argc - 1]);
    for (;;) {
        if (poll(ready, (nfds_t)(1 + 2 * count), -1) < 0 && errno != EINTR)
            fail("poll");
        for (int at = count - 1; at >= 0; at--) {
            if (ready[1 + 2 * at].revents & (POLLHUP | POLLERR)) {
                end(at);
                continue;
            }
            if (ready[2 + 2 * at].revents & POLLIN)
                pass_on(at);
            if (ready[1 + 2 * at].revents & POLLIN && !take_requests(at)) {
                end(at);
                continue;
            }
            if (sessions[at].told_len > 0)
                send_told(at);
        }
        if (ready[0].revents & POLLIN)
            take_in();
    }
}
