// waits.h: what a goroutine waits at, as reports say it: which object, where it was made, who could wake it. waits.c has the idea.
#ifndef RUNTIME_WAITS_H
#define RUNTIME_WAITS_H

#include "base/print.h"
#include "runtime/rt.h"

// A call's return address, as a number: 0 is none.
uint16_t rv__site_of(uintptr_t pc);
uintptr_t rv__site_pc(uint16_t site);

// Lines about what g, which is WAITING, waits at. Nobody may run meanwhile: in a copy of the process, or at its end.
void rv__waits_put(struct base_buf *out, const struct rv__g *g);

#endif
