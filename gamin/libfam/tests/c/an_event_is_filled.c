/* Whatever the structure held before: every field is set, and the name ends. */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection one, two;
    FAMRequest fr;
    FAMEvent fe;
    int data;
    CHECK(FAMOpen(&one) == 0 && FAMOpen(&two) == 0 && one.fd != two.fd);
    CHECK(FAMMonitorFile(&one, path, &fr, &data) == 0);
    memset(&fe, 0xaa, sizeof fe);
    CHECK(FAMNextEvent(&one, &fe) == 1);
    CHECK(fe.fc == &one && fe.fr.reqnum == 1 && fe.hostname == NULL && fe.userdata == &data && fe.code == FAMExists);
    CHECK(strcmp(fe.filename, path) == 0);
    /* Connections are independent: numbers, events. */
    CHECK(FAMMonitorFile(&two, path, &fr, NULL) == 0 && fr.reqnum == 1);
    memset(&fe, 0xaa, sizeof fe);
    CHECK(FAMNextEvent(&two, &fe) == 1);
    CHECK(fe.fc == &two && fe.fr.reqnum == 1 && fe.userdata == NULL && fe.code == FAMExists);
    CHECK(FAMClose(&one) == 0);
    CHECK(FAMNextEvent(&two, &fe) == 1 && fe.code == FAMEndExist);
    CHECK(FAMClose(&two) == 0);
    return 0;
}
