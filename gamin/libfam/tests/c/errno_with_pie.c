/* cc: -fPIE -pie */
#include "errno_is_the_programs.h"
