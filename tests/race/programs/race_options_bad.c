// A bad option is one line, and the program is checked all the same.
// options: no_such_option=1
// stderr: no_such_option
#define EXIT return 0
#include "exits.h"
