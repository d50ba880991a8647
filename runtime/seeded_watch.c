// seeded_watch.c: what sysmon does in the deterministic mode: nothing, until a goroutine has kept the P for so long that the program may never
// go on without help. Then the P is taken from it as in the free scheduler, the mode is over (rv__seeded_end), and that is said.
//
//   in a system call of which we were told    after LIMIT_NS of real time
//   without any call of ours                  after LIMIT_NS of CPU time; asleep in the kernel, after as much real time
//
// Nothing is done, or said, where nobody else waits: then the order is what it was.
#include "runtime/seeded.h"

#include <time.h>

#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/sched.h"

enum { LIMIT_NS = 1000000000 };
#define WHY "Others waited for it. From here on they run freely, and in real time"

static rv_gid wanted; // atomic: the goroutine that is being preempted, or 0

static int64_t cpu_time(int tid)
{
    enum { OF_THREAD = 6 }; // the kernel's name for a thread's CPU clock: ~tid << 3 | this
    struct timespec t = {0};
    sys_call2(SYS_clock_gettime, ~tid << 3 | OF_THREAD, &t);
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}
static struct { // what sysmon saw
    uint32_t tick;
    uint64_t calls;
    const struct rv__m *m;
    int64_t at, cpu;
} seen;
// Somebody has run, or begun a call, since the last time.
static bool moved(const struct rv__p *p, const struct rv__m *m, int64_t now)
{
    const uint32_t tick = base_load_relaxed(&p->tick);
    const uint64_t calls = base_load_relaxed(&p->calls);
    if (seen.m == m && seen.tick == tick && seen.calls == calls) return false;
    seen.m = m;
    seen.tick = tick;
    seen.calls = calls;
    seen.at = now;
    seen.cpu = cpu_time(m->tid);
    return true;
}
static void watch_running(struct rv__p *p, const struct rv__m *m)
{
    const struct rv__g *const g = base_load_relaxed(&m->g);
    if (!g) return;
    if (rv__runs(m->tid)) {
        if (cpu_time(m->tid) - seen.cpu < LIMIT_NS) return;
        base_store_relaxed(&wanted, g->id); // relaxed: the signal follows
    }
    rv__preempt(p); // one that is inside a section is asked again in the next round
}
void rv__seeded_watch(void)
{
    struct rv__p *const p = base_load_acquire(&rv__sched.n_ps) ? rv__sched.ps[0] : NULL; // acquire: the P
    if (!p) return;                                                                      // rv_run has just begun
    const int64_t now = rv__real_now();
    const uintptr_t status = base_load_relaxed(&p->status);
    const struct rv__m *const m = base_load_acquire(&p->m); // acquire: the M
    if (base_load_relaxed(&rv__sched.idle_ps) && rv__anything_to_do()) rv__wake_one();
    if (!m || moved(p, m, now) || now - seen.at < LIMIT_NS || !rv__anything_to_do()) return;
    if ((status & RV__P_STATUS) == RV__P_SYSCALL) rv__retake(p);
    if (status == RV__P_RUNNING) watch_running(p, m);
}

COLD void rv__seeded_overtaken(const struct rv__m *m, const char *what)
{
    const struct rv__g *const g = base_load_relaxed(&m->g);
    rv__seeded_end();
    base_say("not deterministic here: goroutine %lu %s. " WHY, g ? g->id : 0, what);
}
bool rv__seeded_preempted(const struct rv__m *m, const void *ucontext)
{
    BASE_BUF(title, 256);
    const rv_gid id = base_exchange_acquire(&wanted, 0u);
    if (!m->g || m->g->id != id) return false; // it has gone on by itself
    rv__seeded_end();
    base_putf(&title,
              "ravel: not deterministic here: goroutine %lu has run for 1 s without a call of Ravel's. " WHY "\n\n",
              id);
    rv__dump_running(title.p, m->g, ucontext);
    return true;
}
