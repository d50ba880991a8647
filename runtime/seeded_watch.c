// seeded_watch.c: what sysmon does in the deterministic mode: nothing, until a goroutine has kept the P for so long that the program may never
// go on without help. Then the P moves on as it does in the free scheduler, and what follows is not deterministic; that is said, once.
//
//   in a system call of which we were told    CALL_NS of real time
//   without any call of ours                  SPIN_NS of CPU time, or asleep in the kernel after as much real time
//
// Nothing is done, or said, where nobody else waits: then the order is what it was.
#include "runtime/seeded.h"

#include <time.h>

#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/sched.h"

enum { CALL_NS = 100000000, SPIN_NS = 1000000000 };

static uint32_t said, wanted; // atomic: it has been said; the goroutine that is being preempted shall say it

static const char why[] = "without sched=seed others would have run meanwhile, and now they do";

static int64_t cpu_time(int tid)
{
    enum { OF_THREAD = 6 }; // the kernel's name for a thread's CPU clock: ~tid << 3 | this
    struct timespec t = {0};
    sys_call2(SYS_clock_gettime, ~tid << 3 | OF_THREAD, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}
static struct { // what sysmon saw
    uint32_t tick, calls;
    const struct rv__m *m;
    int64_t at, cpu;
} seen;
// Since when it is as it is, in real time; 0: since now.
static bool moved(const struct rv__p *p, const struct rv__m *m, int64_t now)
{
    const uint32_t tick = base_load_relaxed(&p->tick), calls = base_load_relaxed(&p->calls);
    if (seen.m == m && seen.tick == tick && seen.calls == calls) return false;
    seen.m = m;
    seen.tick = tick;
    seen.calls = calls;
    seen.at = now;
    seen.cpu = cpu_time(m->tid);
    return true;
}
static void end_call(struct rv__p *p, const struct rv__m *m)
{
    const struct rv__g *const g = base_load_relaxed(&m->g);
    const rv_gid id = g ? g->id : 0;
    if (!rv__retake(p) || base_exchange_acquire(&said, 1u)) return;
    base_say("not deterministic here: goroutine %lu has been in a system call for %d ms; %s", id, CALL_NS / 1000000,
             why);
}
static void end_sleep(struct rv__p *p, const struct rv__m *m)
{
    const struct rv__g *const g = base_load_relaxed(&m->g);
    const rv_gid id = g ? g->id : 0;
    if (!rv__preempt(p) || base_exchange_acquire(&said, 1u)) return;
    base_say("not deterministic here: goroutine %lu sleeps in the kernel; %s", id, why);
}
void rv__seeded_watch(int64_t now)
{
    struct rv__p *const p = rv__sched.ps[0];
    const uintptr_t status = base_load_relaxed(&p->status);
    if (base_load_relaxed(&rv__sched.idle_ps) && rv__anything_to_do()) rv__wake_one();
    if ((status & RV__P_STATUS) == RV__P_SYSCALL) {
        const struct rv__m *const m = (const struct rv__m *)(status & ~(uintptr_t)RV__P_STATUS);
        if (!moved(p, m, now) && now - seen.at >= CALL_NS && rv__anything_to_do()) end_call(p, m);
        return;
    }
    const struct rv__m *const m = base_load_acquire(&p->m); // acquire: the M
    if (status != RV__P_RUNNING || !m || !base_load_relaxed(&m->g)) return;
    if (moved(p, m, now) || now - seen.at < SPIN_NS || !rv__anything_to_do()) return;
    if (!rv__runs(m->tid)) {
        end_sleep(p, m);
    } else if (cpu_time(m->tid) - seen.cpu >= SPIN_NS) {
        base_store_relaxed(&wanted, 1u); // relaxed: the signal follows
        rv__preempt(p);
    }
}
void rv__seeded_preempted(const struct rv__g *g, const void *ucontext)
{
    BASE_BUF(b, 256);
    if (!base_exchange_acquire(&wanted, 0u) || base_exchange_acquire(&said, 1u)) return;
    base_putf(&b, "ravel: not deterministic here: goroutine %lu has run for %d s without a call of Ravel's; %s\n\n",
              g->id, SPIN_NS / 1000000000, why);
    rv__dump_running(b.p, g, ucontext);
}
