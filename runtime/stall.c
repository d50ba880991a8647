// stall.c: RAVEL_OPTIONS=stall=ms. When something that should go on has not for so long, one line says what, and all goroutines are
// listed; the program goes on. Once for each stall: what has begun to move and stops again is said again.
//
// sysmon looks. A thread that has a goroutine in it moves when it enters or leaves a section of ours (seq); a scheduler in which no thread
// has one moves when a P runs a goroutine (tick). So the figures are there anyway, and a program that is not watched pays nothing.
//   a goroutine in a system call        that its thread has been in all the time
//   a goroutine that runs               and has not called us, nor been preempted: nobody else waited for its P, or sysmon found
//                                       no way to preempt it
//   a goroutine that was preempted      and waits for its turn
//   no thread has a goroutine in it     all of them wait
#include "base/flags.h"
#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/sched.h"

enum { MS = 1000000 };
uint32_t rv__stalls[RV__STALL_KINDS];

static struct rv__stall all; // of all Ps

static void report(enum rv__stall_kind kind, rv_gid id)
{
    static const char *const what[RV__STALL_KINDS] = {
        [RV__STALL_ALL] = "all goroutines wait, and none has run",
        [RV__STALL_CALL] = "goroutine %lu has been in one system call",
        [RV__STALL_RUNS] = "goroutine %lu has run on, without a call to Ravel,",
        [RV__STALL_PREEMPTED] = "goroutine %lu was preempted, and has not run again",
    };
    BASE_BUF(title, 200);
    base_puts(&title, "ravel: stalled: ");
    base_putf(&title, what[kind], id);
    base_putf(&title, " for %d ms\n\n", base_flags.stall);
    rv__dump_others(title.p);
    base_add_relaxed(&rv__stalls[kind], 1u); // relaxed: a count, for tests
}
// True, once: what s counts has been `count` for so long.
static bool stalled(struct rv__stall *s, uint64_t count, int64_t now)
{
    if (s->since == 0 || s->count != count) {
        *s = (struct rv__stall){.count = count, .since = now};
        return false;
    }
    if (s->said || now - s->since < (int64_t)base_flags.stall * MS) return false;
    s->said = true;
    return true;
}
static enum rv__stall_kind kind_of(const struct rv__g *g)
{
    switch (base_load_relaxed(&g->state)) { // relaxed: as the dump
    case RV__SYSCALL: return RV__STALL_CALL;
    case RV__PREEMPTED: return RV__STALL_PREEMPTED;
    default: return RV__STALL_RUNS;
    }
}
// True: m has a goroutine in it.
static bool look_at(struct rv__m *m, int64_t now)
{
    const struct rv__g *g =
        base_load_relaxed(&m->g); // relaxed, both: a G is never freed; its number is told as it is now
    if (!base_load_acquire(&m->tid) || !g || g->kind != RV__GOROUTINE) return false;
    if (stalled(&m->stall, base_load_relaxed(&m->seq), now)) report(kind_of(g), g->id);
    return true;
}
void rv__stall_watch(int64_t now)
{
    uint64_t ticks = 0;
    bool any = false;
    if (base_flags.stall <= 0) return;
    for (struct rv__m *m = base_load_acquire(&rv__sched.all_m); m; m = m->all_next) // acquire: pairs with rv__m_make
        any |= look_at(m, now);
    for (uint32_t i = 0; i < base_load_acquire(&rv__sched.n_ps); i++) // acquire: the Ps
        ticks += base_load_relaxed(&rv__sched.ps[i]->tick);
    if (any)
        all.since = 0;
    else if (stalled(&all, ticks, now))
        report(RV__STALL_ALL, 0);
}
