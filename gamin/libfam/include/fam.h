/* fam.h: be told when files change. The interface of SGI's FAM and of Gamin 0.1.10, binary compatible with both.
 *
 * A program opens a connection, asks for files and directories, and reads events; between events it waits for the
 * connection's descriptor, with poll, select or epoll, or in FAMNextEvent. fam(3) says more.
 *
 * Every function gives -1 when it fails and leaves the reason in FAMErrno. Any thread may call any function at any time.
 *
 * LGPL-2.1-or-later. */

#ifndef GAMIN_FAM_H
#define GAMIN_FAM_H

#include <limits.h>

/* Some systems have none. The structures below are made for this one. */
#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FAMConnection {
    int fd;       /* readable when FAMPending may say 1; the same number for life. Only wait for it. */
    void *client; /* the library's */
} FAMConnection, *FAMConnectionPtr;

typedef struct FAMRequest {
    int reqnum;
} FAMRequest, *FAMRequestPtr;

#define FAMCONNECTION_GETFD(fc) ((fc)->fd)
#define FAMREQUEST_GETREQNUM(fr) ((fr)->reqnum)

typedef enum FAMCodes {
    FAMChanged = 1,
    FAMDeleted = 2,        /* it is gone, or was not there when it was asked for */
    FAMStartExecuting = 3, /* never on Linux */
    FAMStopExecuting = 4,  /* never on Linux */
    FAMCreated = 5,
    FAMMoved = 6,          /* never: a rename is FAMDeleted and FAMCreated */
    FAMAcknowledge = 7,    /* the request was cancelled; its last event */
    FAMExists = 8,         /* it was there when it was asked for */
    FAMEndExist = 9        /* that was everything that was there */
} FAMCodes;

typedef struct FAMEvent {
    FAMConnection *fc;
    FAMRequest fr;
    char *hostname;          /* always NULL */
    char filename[PATH_MAX]; /* the path as it was asked for, or the bare name of an entry */
    void *userdata;          /* what was given with the request */
    FAMCodes code;
} FAMEvent;

/* Opens a connection; starts the server if none runs. The name of the program is not used. FAMClose ends all requests, and
 * any FAMNextEvent that waits. 0 or -1. */
extern int FAMOpen(FAMConnection *fc);
extern int FAMOpen2(FAMConnection *fc, const char *appName);
extern int FAMClose(FAMConnection *fc);

/* Asks for a path, which must be absolute: for a directory and its entries, or for one path, whatever it is. It need not
 * exist yet. What is there comes first, as FAMExists and FAMEndExist. The first two choose the request's number, the others take the one in
 * fr. 0 or -1. */
extern int FAMMonitorDirectory(FAMConnection *fc, const char *filename, FAMRequest *fr, void *userData);
extern int FAMMonitorFile(FAMConnection *fc, const char *filename, FAMRequest *fr, void *userData);
extern int FAMMonitorDirectory2(FAMConnection *fc, const char *filename, FAMRequest *fr);
extern int FAMMonitorFile2(FAMConnection *fc, const char *filename, FAMRequest *fr);

/* Asks for a directory and what is below it, down to depth levels: 1 is the directory's entries, 2 also theirs, and so on. Told are the names
 * that match the shell pattern mask, relative to the directory, as "sub/name"; * and ? take a leading dot too. Directories are followed, also
 * new ones, whether or not their own names match; symbolic links are not followed. When a directory goes, FAMDeleted is told of
 * each name below it. One FAMEndExist, one FAMAcknowledge. 0 or -1. An extension: FAM declared it and never had it. */
extern int FAMMonitorCollection(FAMConnection *fc, const char *filename, FAMRequest *fr, void *userData, int depth,
                                const char *mask);

/* A directory of a collection of which something may be told late, or not at all. */
typedef struct FAMGap {
    char filename[PATH_MAX]; /* its path from / on; cut off where it is longer */
    char reason[256];        /* in words, as "not followed: permission denied" */
} FAMGap;

/* How many gaps a collection has at the moment: directories that are not followed, because they can't be read, their path is too long or the
 * connection has no request left for them, or that are only looked at every second. first, unless NULL, becomes the first of them by
 * name, or empty strings. Those that are there at the beginning are known with FAMEndExist. The number, or -1. An extension. */
extern int FAMCollectionGaps(FAMConnection *fc, const FAMRequest *fr, FAMGap *first);

/* Holds back the events of a request, but for a few that are on their way; and goes on with it, telling first how what was told became what
 * is: one event a name at most, none for what came and went. Cancelling is possible all the time. 0 or -1. */
extern int FAMSuspendMonitor(FAMConnection *fc, const FAMRequest *fr);
extern int FAMResumeMonitor(FAMConnection *fc, const FAMRequest *fr);

/* Ends a request: of its events only FAMAcknowledge will still come. 0 or -1. */
extern int FAMCancelMonitor(FAMConnection *fc, const FAMRequest *fr);

/* Gives the next event, and waits for it. 1, or -1 when there is no server and none can be started. */
extern int FAMNextEvent(FAMConnection *fc, FAMEvent *fe);

/* 1 if FAMNextEvent would not wait, 0 if it would; never waits. */
extern int FAMPending(FAMConnection *fc);

/* Leaves out FAMExists and FAMEndExist of the directories that are asked for from now on. 0 or -1. */
extern int FAMNoExists(FAMConnection *fc);

/* Does nothing. 1. */
extern int FAMDebugLevel(FAMConnection *fc, int level);
#define FAM_DEBUG_OFF 0
#define FAM_DEBUG_ON 1
#define FAM_DEBUG_VERBOSE 2

/* Why the last call that failed did: 1 bad arguments, 2 bad filename, 3 no connection to a server, 5 no room for another request.
 * One for all threads; calls that succeed leave it. FamErrlist has words for each. */
extern int FAMErrno;
extern const char *FamErrlist[];

#ifdef __cplusplus
}
#endif

#endif
