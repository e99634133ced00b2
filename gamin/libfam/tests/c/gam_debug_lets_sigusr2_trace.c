/* With GAM_DEBUG set, SIGUSR2 switches a trace to a new file on and off again. */
#include "check.h"
#include <dirent.h>
#include <sched.h>

/* The name of the trace that is open, or an empty one. */
static void find_trace(char *name, size_t size) {
    DIR *descriptors = opendir("/proc/self/fd");
    struct dirent *entry;
    name[0] = 0;
    CHECK(descriptors != NULL);
    while ((entry = readdir(descriptors)) != NULL) {
        char link[300], target[4096];
        ssize_t length;
        snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        length = readlink(link, target, sizeof target - 1);
        if (length > 0 && (size_t)length < size) {
            target[length] = 0;
            if (strncmp(target, "/tmp/gamin_debug_", 17) == 0)
                strcpy(name, target);
        }
    }
    closedir(descriptors);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    char trace[4096], none[4096];
    struct stat info;
    FAMConnection fc;
    FAMRequest fr;
    CHECK(setenv("GAM_DEBUG", "", 1) == 0);
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    do {
        sched_yield();
        find_trace(trace, sizeof trace);
    } while (trace[0] == 0);
    CHECK(lstat(trace, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 07777) == 0600);
    CHECK(FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    do {
        sched_yield();
        find_trace(none, sizeof none);
    } while (none[0] != 0);
    CHECK(stat(trace, &info) == 0 && info.st_size > 0);
    CHECK(unlink(trace) == 0);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
