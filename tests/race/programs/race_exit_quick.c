// Ending by quick_exit, too, gives the exit code.
#define EXIT quick_exit(0)
#include "exits.h"
