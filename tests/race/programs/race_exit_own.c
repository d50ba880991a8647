// With exitcode=0 the program keeps its own.
// options: exitcode=0
// exit: 7
#define EXIT return 7
#include "exits.h"
