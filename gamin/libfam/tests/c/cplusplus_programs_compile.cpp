// Both spellings of the codes' type, and linking from C++.
#include "check.h"

static FAMCodes typedef_name(FAMCodes code) { return code; }
static enum FAMCodes tag_name(enum FAMCodes code) { return code; }

int main(int argc, char **argv) {
    begin(argc, argv);
    FAMConnection fc;
    CHECK(FAMOpen(&fc) == 0);
    CHECK(typedef_name(FAMChanged) == tag_name(FAMChanged));
    CHECK(FAMClose(&fc) == 0);
    return 0;
}
