// halt_on_error ends the program at the first report.
// options: halt_on_error=1
#define EXIT return 0
#define TWICE
#include "exits.h"
