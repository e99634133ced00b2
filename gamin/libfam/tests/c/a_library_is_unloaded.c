/* cc: -ldl */
/* Loaded for a while, as plug-ins are: neither a fork nor the end of a thread that used it misses the library afterwards. */
#include "check.h"

#include <dlfcn.h>

#define FUNCTION(library, name) ((__typeof__(&name))dlsym(library, #name))

static const char *path;

static void *use(void *nothing) {
    void *library = dlopen("libgamin-1.so.0", RTLD_NOW | RTLD_LOCAL);
    FAMConnection fc;
    FAMRequest fr;
    FAMEvent fe;
    CHECK(library != NULL && FUNCTION(library, FAMOpen)(&fc) == 0);
    CHECK(FUNCTION(library, FAMMonitorFile)(&fc, path, &fr, NULL) == 0);
    CHECK(FUNCTION(library, FAMNextEvent)(&fc, &fe) == 1 && fe.code == FAMExists);
    CHECK(FUNCTION(library, FAMClose)(&fc) == 0 && dlclose(library) == 0);
    return nothing;
}

static void fork_once(void) {
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
    pthread_t thread;
    int i;
    path = begin(argc, argv);
    for (i = 0; i < 3; i++) {
        use(NULL);
        fork_once();
        CHECK(pthread_create(&thread, NULL, use, NULL) == 0 && pthread_join(thread, NULL) == 0);
        fork_once();
    }
    return 0;
}
