// gb.h: what the programs of tests/gobench share. Each is one file with the bug and its mend: compiled with -DMENDED it must be silent.
// The first line of a program says which pattern it is; the comment `// found: WHAT` what must be said within 100 seeds: `asleep` (all goroutines
// are asleep), `leak` (main returns, and leak_check=1 finds one), `race`, `order` (a lock-order cycle), `fatal: TEXT`.
#ifndef GB_H
#define GB_H
#include <ravel.h>
#ifdef MENDED
enum { mended = 1 };
#else
enum { mended = 0 };
#endif
#define GB_MAIN(fn)                                                                                                    \
    int main(void) { return rv_run(fn, 0); }
#endif
