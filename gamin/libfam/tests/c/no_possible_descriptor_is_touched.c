/* A server is started without looking at each descriptor that there might be (D39): in this program, and in what it starts, whoever
 * touches one far above those in use is killed. */
#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define UNUSED 500

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fcntl, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_close, 0, 3),
        /* The lower half of the first argument. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, UNUSED, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct rlimit limit;
    FAMConnection fc;
    FAMRequest fr;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > UNUSED);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return cannot("no system call can be watched here");
    CHECK(FAMOpen(&fc) == 0 && FAMMonitorDirectory(&fc, path, &fr, NULL) == 0);
    expect(&fc, 1, FAMExists, path);
    expect(&fc, 1, FAMEndExist, path);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
