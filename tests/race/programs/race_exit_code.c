// The exit code can be chosen.
// options: exitcode=5
// exit: 5
#define EXIT return 0
#include "exits.h"
