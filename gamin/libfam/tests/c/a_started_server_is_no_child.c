/* A server that FAMOpen starts is none of the program's children, whatever names it, and holds none of its descriptors. */
#include "check.h"

int main(int argc, char **argv) {
    FAMConnection fc;
    int ends[2];
    char byte;
    begin(argc, argv);
    CHECK(pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(FAMOpen(&fc) == 0);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    CHECK(close(ends[1]) == 0);
    CHECK(read(ends[0], &byte, 1) == 0);
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
