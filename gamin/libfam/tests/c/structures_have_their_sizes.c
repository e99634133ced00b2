/* The layout that programs were compiled with. */
#include "check.h"

_Static_assert(sizeof(FAMConnection) == 16 && offsetof(FAMConnection, fd) == 0 && offsetof(FAMConnection, client) == 8, "");
_Static_assert(sizeof(FAMRequest) == 4 && sizeof(FAMCodes) == 4, "");
_Static_assert(sizeof(FAMEvent) == 4136 && _Alignof(FAMEvent) == 8, "");
_Static_assert(offsetof(FAMEvent, fc) == 0 && offsetof(FAMEvent, fr) == 8 && offsetof(FAMEvent, hostname) == 16, "");
_Static_assert(offsetof(FAMEvent, filename) == 24 && offsetof(FAMEvent, userdata) == 4120, "");
_Static_assert(offsetof(FAMEvent, code) == 4128, "");
_Static_assert(sizeof(((FAMEvent *)0)->filename) == 4096, "");
_Static_assert(FAMChanged == 1 && FAMDeleted == 2 && FAMStartExecuting == 3 && FAMStopExecuting == 4, "");
_Static_assert(FAMCreated == 5 && FAMMoved == 6 && FAMAcknowledge == 7 && FAMExists == 8 && FAMEndExist == 9, "");
_Static_assert(FAM_DEBUG_OFF == 0 && FAM_DEBUG_ON == 1 && FAM_DEBUG_VERBOSE == 2, "");

int main(void) {
    FAMConnectionPtr fc = NULL;
    FAMRequestPtr fr = NULL;
    return fc != NULL || fr != NULL;
}
