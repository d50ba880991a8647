// dump.h: goroutines, as they are printed when somebody wants to know, or when the program ends badly. dump.c has the idea.
#ifndef RUNTIME_DUMP_H
#define RUNTIME_DUMP_H

#include "base/print.h"
#include "runtime/rt.h"

// Sends SIGQUIT to the dump, if the program has left it alone. At rv_run.
void rv__dump_init(void);

// To stderr: one goroutine (NULL: this plain thread) with its stack, where a signal interrupted it (ucontext), or here (NULL); or all
// that exist. Only by a thread that is about to end the process: see rv__dump_claim.
void rv__dump_one(struct rv__g *g, const void *ucontext);
void rv__dump_all(void);
// True for one thread, for good: the one that may print and end the process. The others wait for ever.
void rv__dump_claim(void);
void rv__dump_text(const char *text, size_t n); // before either

// For others who print goroutines: their buffer, with room for some lines; a goroutine that does not run; out to stderr.
struct base_buf *rv__dump_out(void);
void rv__dump_parked(const struct rv__g *g);
void rv__dump_flush(void);
// A function of that name is on g's stack, or made g; top: it is the innermost one that is the program's.
bool rv__dump_has(const struct rv__g *g, const char *function, bool top);
// Runs fn(arg) in a copy of the process, of this thread alone, which then prints its buffer and ends. Returns the child, or -errno.
int rv__in_copy(void (*fn)(void *), void *arg);
bool rv__copy_ended_well(int child); // waits for it
extern void *rv__astray[5];          // in a copy: after __builtin_setjmp, where a look at memory that is none goes on

// To stderr, and the program goes on: title, and all goroutines, by a copy of the process.
void rv__dump_others(const char *title);
// In a signal handler on g's thread: `text`, and g's stack where the signal came. The program goes on.
void rv__dump_running(const char *text, const struct rv__g *g, const void *ucontext);

// Since when goroutines have been waiting, for the minutes in a dump. sysmon calls it each time it looks (idle: each time
// that it goes to sleep because all Ps are idle); every 10 s it does something.
void rv__note_waits(int64_t now, bool idle);

// fatal.c: nothing can ever wake anybody again.
_Noreturn COLD void rv__fatal_deadlock(void);
// Exit code 2; before it, how to have the same again, where a seed chose the order of goroutines.
_Noreturn COLD void rv__fatal_exit(void);

// schedtrace.c: one line about the scheduler every base_flags.schedtrace ms; scheddetail: all Ps, Ms, Gs after it. For sysmon.
void rv__schedtrace(int64_t now);
// stall.c: what has not gone on for base_flags.stall ms, and all goroutines. For sysmon.
void rv__stall_watch(int64_t now);
enum rv__stall_kind { RV__STALL_ALL, RV__STALL_CALL, RV__STALL_RUNS, RV__STALL_PREEMPTED, RV__STALL_KINDS };
extern uint32_t rv__stalls[RV__STALL_KINDS]; // atomic: how often each was said

#endif
