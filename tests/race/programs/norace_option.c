// report_bugs=0 looks for no races.
// options: report_bugs=0
// exit: 0
#include "../race.h"

int data;
static void first(void) { data = 1; }
static void second(void) { data = 2; }
