// Ending by _exit, too, gives the exit code.
#define EXIT _exit(0)
#include "exits.h"
