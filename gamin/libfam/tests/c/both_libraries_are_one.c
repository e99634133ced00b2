/* cc: -ldl */
/* A connection that was opened through one of the libraries is used and closed through the other, whichever way they were loaded. */
#include "check.h"

#include <dlfcn.h>

#define FUNCTION(library, name) ((__typeof__(&name))dlsym(library, #name))

static void both_ways(void *one, void *other, const char *path) {
    FAMConnection fc, copy;
    FAMRequest fr;
    FAMEvent fe;
    CHECK(FUNCTION(one, FAMOpen)(&fc) == 0);
    CHECK(FUNCTION(other, FAMMonitorFile)(&fc, path, &fr, &fr) == 0);
    CHECK(FUNCTION(one, FAMNextEvent)(&fc, &fe) == 1 && fe.code == FAMExists && fe.userdata == &fr);
    CHECK(FUNCTION(other, FAMNextEvent)(&fc, &fe) == 1 && fe.code == FAMEndExist);
    CHECK(FUNCTION(other, FAMPending)(&fc) == 0);
    copy = fc;
    CHECK(FUNCTION(other, FAMClose)(&fc) == 0);
    CHECK(FUNCTION(one, FAMClose)(&copy) == -1 && FUNCTION(other, FAMClose)(&copy) == -1);
}

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    void *fam = dlopen("libfam.so.0", RTLD_NOW | RTLD_LOCAL);
    void *gamin = dlopen("libgamin-1.so.0", RTLD_NOW | RTLD_LOCAL);
    CHECK(fam != NULL && gamin != NULL && fam != gamin);
    both_ways(fam, gamin, path);
    both_ways(gamin, fam, path);
    /* Linked with one, so the error number of all calls that are linked is that one's. */
    CHECK(FAMClose(NULL) == -1 && FAMErrno == 1);
    return 0;
}
