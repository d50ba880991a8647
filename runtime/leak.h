// leak.h: goroutines that nothing can ever wake. leak.c has the idea.
#ifndef RUNTIME_LEAK_H
#define RUNTIME_LEAK_H

#include <stdbool.h>
#include <stdint.h>

struct rv__g;

// In a copy of the process that was made while the world stood still (world.h), by its only thread: finds out who is leaked.
// The thread's registers: ucontext, or, where that is NULL, all lie in memory from sp upwards.
void rv__leak_look(const void *ucontext, uintptr_t sp);
bool rv__leaked(const struct rv__g *g); // false, too, if nobody has looked in this process

void rv__leak_at_end(void); // main has returned: RAVEL_OPTIONS=leak_check=1

uintptr_t
rv__run_frame(void); // run.c: what lies from here upwards on the stack of the thread that called rv_run is its own

#endif
