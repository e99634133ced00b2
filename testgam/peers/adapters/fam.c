/* Any library with FAM's interface. The original Gamin's watches a directory; ours, if asked for, a tree. */
#include <fam.h>
#include <limits.h>
#include <stdio.h>

static const char *const names[] = {"", "Changed", "Deleted", "StartExecuting", "StopExecuting", "Created", "Moved", "Acknowledge", "Exists", "READY"};

int main(int argc, char **argv) {
    FAMConnection connection;
    FAMRequest request;
    FAMEvent event;
    if (argc < 2 || FAMOpen(&connection) != 0)
        return 1;
    if ((argc > 2 ? FAMMonitorCollection(&connection, argv[1], &request, NULL, INT_MAX, "*")
                  : FAMMonitorDirectory(&connection, argv[1], &request, NULL)) != 0)
        return 1;
    while (FAMNextEvent(&connection, &event) == 1) {
        printf("%s\t%s\n", names[event.code], event.filename);
        fflush(stdout);
    }
    return 1;
}
