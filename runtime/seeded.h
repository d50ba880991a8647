// seeded.h: the deterministic mode, sched=seed:N. seeded.c has the idea.
#ifndef RUNTIME_SEEDED_H
#define RUNTIME_SEEDED_H

#include "runtime/rt.h"

struct rv__m;
struct rv__p;

enum { RV__SEEDED_NEVER, RV__SEEDED, RV__SEEDED_NO_MORE };
extern uint32_t rv__seeded; // atomic: one of these; changes in the first rv_run, and by rv__seeded_end
static inline bool rv__seeded_on(void)
{
    return base_load_relaxed(&rv__seeded) == RV__SEEDED; // relaxed: whoever holds the P is told with it
}

void rv__seeded_init(void);   // once: reads the options
void rv__seeded_forget(void); // rv_run is over: whoever was runnable will not run
// Somebody has to be overtaken: the free scheduler goes on from here, and the clock with real time. By who holds the P, inside a section.
void rv__seeded_end(void);
// rv__now in this mode, and after it; and what rv_now adds, so that a loop that only looks at the clock comes to its end.
int64_t rv__seeded_now(void);
void rv__seeded_look_at_clock(void);

// One of n things, by the generator: every choice that there is to make comes here. n > 0. Only by who holds the P, inside a section.
uint32_t rv__seeded_choose(uint32_t n);
// For g0: who runs next on p. NULL: nobody can run, and no timer will change that.
struct rv__g *rv__seeded_find(struct rv__p *p);
// At the end of a section: perhaps others run first.
void rv__seeded_yield(struct rv__m *m);
// The same for operations that need no section, and for the program's atomic ones. Any thread, any time: where it cannot be done it is not.
COLD void rv__seeded_point_slow(void);
// Others run first. False: it cannot be done.
bool rv__seeded_give_way(void);
static inline void rv__seeded_point(void)
{
    if (unlikely(rv__seeded_on())) rv__seeded_point_slow();
}

// seeded_watch.c, for sysmon: looks after the goroutine that runs, or is in the kernel. Takes the P from it when that has lasted for too long.
void rv__seeded_watch(void);
// In the handler of SIGURG, inside a section, m's own: true: its goroutine is to be stopped. The mode has ended, and that has been said.
bool rv__seeded_preempted(const struct rv__m *m, const void *ucontext);
// The caller has just taken the P from m, which is in the kernel, and has handed it to nobody yet: ends the mode, and says it.
COLD void rv__seeded_overtaken(const struct rv__m *m, const char *what);

// seeded_log.c: the event log. All but `open`, `made` and `gone` by who holds the P only.
void rv__seeded_log_open(const char *path);
void rv__seeded_log(int64_t now, const struct rv__g *g, const char *what);
void rv__seeded_log_start(int64_t now, const struct rv__g *g);
void rv__seeded_log_park(int64_t now, const struct rv__g *g);
void rv__seeded_log_ready(int64_t now, const struct rv__g *g);
void rv__seeded_log_jump(int64_t now);
void rv__seeded_log_end(int64_t now);
void rv__seeded_log_flush(void);
// An object that has a creation gets its number then.
COLD void rv__seeded_made_slow(const void *object);
COLD void rv__seeded_gone_slow(const void *object);
static inline void rv__seeded_made(const void *object)
{
    if (unlikely(rv__seeded_on())) rv__seeded_made_slow(object);
}
static inline void rv__seeded_gone(const void *object)
{
    if (unlikely(rv__seeded_on())) rv__seeded_gone_slow(object);
}

#endif
