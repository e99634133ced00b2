/* cc: -fno-pie -no-pie */
#include "errno_is_the_programs.h"
