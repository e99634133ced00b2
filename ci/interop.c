/* A program as it was written for the original: built with its header, linked with its library. It watches the
 * directory that it is given and prints and checks what it is told. */

#include <fam.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FAMConnection connection;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, FamErrlist[FAMErrno]);
    exit(1);
}

static const char *name_of(FAMCodes code) {
    static const char *names[] = {"?", "Changed", "Deleted", "?", "?", "Created", "?", "Acknowledge", "Exists", "EndExist"};
    return names[code];
}

static void expect(int request, FAMCodes code, const char *name) {
    FAMEvent event;
    struct pollfd waiting = {FAMCONNECTION_GETFD(&connection), POLLIN, 0};
    while (FAMPending(&connection) == 0)
        if (poll(&waiting, 1, 10000) != 1)
            fail("no event in ten seconds");
    if (FAMNextEvent(&connection, &event) != 1)
        fail("FAMNextEvent");
    printf("%d: %s %s\n", event.fr.reqnum, event.filename, name_of(event.code));
    if (event.fr.reqnum != request || event.code != code || strcmp(event.filename, name) != 0) {
        fprintf(stderr, "expected %d: %s %s\n", request, name, name_of(code));
        exit(1);
    }
}

int main(int argc, char **argv) {
    FAMRequest directory, file, missing;
    char missing_path[4096];
    const char *path = argc > 1 ? argv[1] : ".";

    if (chdir(path) != 0 || FAMOpen(&connection) != 0)
        fail("FAMOpen");
    if (FAMMonitorDirectory(&connection, path, &directory, NULL) != 0)
        fail("FAMMonitorDirectory");
    expect(1, FAMExists, path);
    expect(1, FAMEndExist, path);
    snprintf(missing_path, sizeof missing_path, "%s/not/there/yet", path);
    if (FAMMonitorFile(&connection, missing_path, &missing, NULL) != 0)
        fail("FAMMonitorFile");
    expect(2, FAMDeleted, missing_path);
    expect(2, FAMEndExist, missing_path);

    close(open("made", O_CREAT | O_WRONLY, 0644));
    expect(1, FAMCreated, "made");
    if (chmod("made", 0600) != 0)
        fail("chmod");
    expect(1, FAMChanged, "made");
    unlink("made");
    expect(1, FAMDeleted, "made");

    /* Our own connection asks for no listing from here on. */
    if (FAMNoExists(&connection) != 0 || FAMMonitorDirectory(&connection, path, &file, NULL) != 0)
        fail("FAMNoExists");
    if (FAMCancelMonitor(&connection, &directory) != 0)
        fail("FAMCancelMonitor");
    expect(1, FAMAcknowledge, path);
    close(open("again", O_CREAT | O_WRONLY, 0644));
    expect(3, FAMCreated, "again");
    if (FAMClose(&connection) != 0)
        fail("FAMClose");
    puts("everything came as it should");
    return 0;
}
