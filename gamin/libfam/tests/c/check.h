/* What the programs here share. Each is given a directory of its own, in GAM_CLIENT_ID a session of its own, and in
 * GAMIN_DEBUG_SERVER a server. One that succeeds prints nothing; one that
 * can't be made here says why and ends with 77. It knows nothing of the library but fam.h, so that any library can be tried. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fam.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not so: %s (FAMErrno %d, errno %d)\n", __FILE__, __LINE__, #what, FAMErrno, errno); \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The call fails for this reason. */
#define FAILS(call, reason)   \
    do {                      \
        FAMErrno = 77;        \
        CHECK((call) == -1);  \
        CHECK(FAMErrno == (reason)); \
    } while (0)

__attribute__((unused)) static void touch(const char *path) {
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    CHECK(fd >= 0);
    close(fd);
}

/* How many descriptors are open. */
__attribute__((unused)) static int descriptors(void) {
    DIR *all = opendir("/proc/self/fd");
    int found = 0;
    CHECK(all != NULL);
    while (readdir(all) != NULL)
        found++;
    closedir(all);
    return found;
}

__attribute__((unused)) static void wait_readable(int fd) {
    struct pollfd waiting = {fd, POLLIN, 0};
    int got;
    while ((got = poll(&waiting, 1, 30000)) == -1 && errno == EINTR)
        ;
    CHECK(got == 1);
}

__attribute__((unused)) static void next(FAMConnection *fc, FAMEvent *fe) {
    while (FAMPending(fc) == 0)
        wait_readable(FAMCONNECTION_GETFD(fc));
    CHECK(FAMNextEvent(fc, fe) == 1);
}

__attribute__((unused)) static void expect(FAMConnection *fc, int request, int code, const char *name) {
    FAMEvent fe;
    next(fc, &fe);
    if (fe.fr.reqnum != request || (int)fe.code != code || strcmp(fe.filename, name) != 0) {
        fprintf(stderr, "expected %d: %s %d, got %d: %s %d\n", request, name, code, fe.fr.reqnum, fe.filename, (int)fe.code);
        _exit(1);
    }
}

/* The address at which clients and servers meet. */
__attribute__((unused)) static int meeting(const char *id, int (*meet)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un address = {AF_UNIX, {0}};
    struct passwd *user = getpwuid(getuid());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(user != NULL && fd >= 0);
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "/tmp/fam-%s-%s", user->pw_name, id);
    if (meet(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

__attribute__((unused)) static pid_t server_pid(void) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    int fd = meeting(getenv("GAM_CLIENT_ID"), connect);
    CHECK(fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0);
    close(fd);
    return peer.pid;
}

__attribute__((unused)) static void kill_server(void) {
    CHECK(kill(server_pid(), SIGKILL) == 0);
}

/* Says why a test can't be made here; its main returns that. */
__attribute__((unused)) static int cannot(const char *why) {
    puts(why);
    return 77;
}

/* Begins a test: in its directory, and not for ever. */
__attribute__((unused)) static const char *begin(int argc, char **argv) {
    CHECK(argc >= 2 && chdir(argv[1]) == 0);
    alarm(120);
    return argv[1];
}
