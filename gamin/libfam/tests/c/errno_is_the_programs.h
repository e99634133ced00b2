/* FAMErrno and FamErrlist may stand in the program itself (a copy relocation) or in the library: both see the same. */
#include "check.h"

int main(void) {
    static const char *const words[] = {"Okay", "Bad arguments", "Bad filename", "Connection failure",
                                        "Authentication failure", "Memory allocation failure", "Unimplemented function"};
    int i;
    CHECK(FAMErrno == 0);
    for (i = 0; i < 7; i++)
        CHECK(strcmp(FamErrlist[i], words[i]) == 0);
    CHECK(FamErrlist[7] == NULL);
    CHECK(FAMOpen(NULL) == -1 && FAMErrno == 1);
    CHECK(strcmp(FamErrlist[FAMErrno], "Bad arguments") == 0);
    return 0;
}
