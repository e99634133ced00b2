/* FAMPending before there is a request; a request with number 0; select, as programs of old have it. */
#include "check.h"

#include <sys/select.h>

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest fr = {0};
    FAMEvent fe;
    int told = 0;
    CHECK(FAMOpen2(&fc, "a program") == 0 && FAMPending(&fc) == 0);
    CHECK(FAMMonitorDirectory2(&fc, path, &fr) == 0 && fr.reqnum == 0);
    while (told < 3) {
        struct timeval time = {30, 0};
        fd_set set;
        FD_ZERO(&set);
        FD_SET(FAMCONNECTION_GETFD(&fc), &set);
        CHECK(select(FAMCONNECTION_GETFD(&fc) + 1, &set, NULL, NULL, &time) == 1);
        while (FAMPending(&fc) == 1) {
            CHECK(FAMNextEvent(&fc, &fe) == 1 && fe.fr.reqnum == 0 && fe.userdata == NULL);
            if (++told == 2)
                touch("new");
        }
    }
    CHECK(fe.code == FAMCreated && strcmp(fe.filename, "new") == 0);
    return 0;
}
