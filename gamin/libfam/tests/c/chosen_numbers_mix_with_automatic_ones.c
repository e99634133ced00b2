/* Numbers that the program chooses are its own, and automatic ones go around them (D14). */
#include "check.h"

int main(int argc, char **argv) {
    const char *path = begin(argc, argv);
    FAMConnection fc;
    FAMRequest second = {2}, seven = {7}, zero = {0}, automatic;
    FAMEvent fe;
    int told[8] = {0}, i, data;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(FAMMonitorDirectory2(&fc, path, &second) == 0 && second.reqnum == 2);
    CHECK(FAMMonitorDirectory(&fc, path, &automatic, &data) == 0 && automatic.reqnum == 1);
    CHECK(FAMMonitorDirectory(&fc, path, &automatic, &data) == 0 && automatic.reqnum == 3);
    CHECK(FAMMonitorDirectory2(&fc, path, &seven) == 0);
    CHECK(FAMMonitorFile2(&fc, path, &zero) == 0);
    for (i = 0; i < 5;) {
        next(&fc, &fe);
        i += fe.code == FAMEndExist;
    }
    touch("new");
    for (i = 0; i < 4;) {
        next(&fc, &fe);
        CHECK(fe.userdata == (fe.fr.reqnum == 1 || fe.fr.reqnum == 3 ? &data : NULL));
        if (fe.code == FAMCreated) {
            CHECK(!told[fe.fr.reqnum]++);
            i++;
        }
    }
    CHECK(told[1] && told[2] && told[3] && told[7]);
    return 0;
}
