// schedtrace.c: what the scheduler is doing, a line at a time, in the form of Go's GODEBUG=schedtrace, so that what reads that reads this:
//
//     SCHED 1009ms: gomaxprocs=2 idleprocs=1 threads=5 spinningthreads=0 needspinning=0 idlethreads=2 runqueue=0 [0 1]
//
// the last being the lengths of the Ps' queues. With scheddetail a line for each P, M and G follows; numbers of states are
// Go's. What has no meaning here (the collector, its locks) is always 0 or false. All of it is read without locks while it changes:
// each figure was true at some moment, not all of them at the same one.
#include "base/flags.h"
#include "base/print.h"
#include "base/sys.h"
#include "runtime/dump.h"
#include "runtime/sched.h"

enum { MS = 1000000, OUT = 16 << 10, LINE = 512 };

static char out_text[OUT];
static struct base_buf out = {out_text, 0, OUT, false};

static void flush(void)
{
    sys_write_all(2, out.p, out.n);
    out.n = 0;
}
static void make_room(void)
{
    if (out.cap - out.n < LINE) flush();
}
static const char *word(bool b) { return b ? "true" : "false"; }
static void put_id(const char *name, const struct rv__m *m) // "m=1234 ", "m=nil "
{
    if (m && m->tid)
        base_putf(&out, " %s=%d", name, m->tid);
    else
        base_putf(&out, " %s=nil", name);
}

static void put_p(const struct rv__p *p)
{
    enum { RETIRED_IN_GO = 4 };
    const uintptr_t status = base_load_relaxed(&p->status) & RV__P_STATUS;
    make_room();
    base_putf(&out, "  P%u: status=%lu schedtick=%u syscalltick=%lu", p->index,
              status == RV__P_RETIRED ? (uintptr_t)RETIRED_IN_GO : status, base_load_relaxed(&p->tick),
              base_load_relaxed(&p->calls));
    put_id("m", base_load_relaxed(&p->m));
    base_putf(&out, " runqsize=%u gfreecnt=%u timerslen=%u\n", rv__runq_length(&p->runq), p->free.n, p->timers.n);
}
static void put_m(const struct rv__m *m)
{
    const struct rv__g *const g = base_load_relaxed(&m->g), *const locked = m->locked;
    const struct rv__p *const p = base_load_relaxed(&m->p);
    make_room();
    base_putf(&out, "  M%d:", m->tid);
    if (p)
        base_putf(&out, " p=%u", p->index);
    else
        base_puts(&out, " p=nil");
    if (g && g->id)
        base_putf(&out, " curg=%lu", g->id);
    else
        base_puts(&out, " curg=nil");
    base_putf(&out, " mallocing=0 throwing=0 preemptoff= locks=%u dying=0 spinning=%s blocked=%s",
              base_load_relaxed(&m->seq) % 2, word(m->spinning), word(!g));
    if (locked)
        base_putf(&out, " lockedg=%lu\n", locked->id);
    else
        base_puts(&out, " lockedg=nil\n");
}
static int go_status(uint8_t state)
{
    switch (state) {
    case RV__RUNNABLE: return 1;
    case RV__RUNNING: return 2;
    case RV__SYSCALL: return 3;
    case RV__WAITING: return 4;
    case RV__PREEMPTED: return 9;
    default: return 6;
    }
}
static void put_g(const struct rv__g *g)
{
    const uint8_t state = base_load_acquire(&g->state); // acquire: who it is
    const unsigned why = state == RV__WAITING && g->why < RV__WHY_COUNT ? g->why : 0;
    if (state == RV__FREE) return;
    make_room();
    base_putf(&out, "  G%lu: status=%d(%s)", g->id, go_status(state), rv__why_text[why]);
    put_id("m", state == RV__RUNNING ? g->m : NULL);
    put_id("lockedm", g->locked);
    base_puts(&out, "\n");
}
static void put_all(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) put_p(rv__sched.ps[i]);
    for (const struct rv__m *m = base_load_acquire(&rv__sched.all_m); m;
         m = m->all_next) // acquire: pairs with rv__m_make
        if (m->tid) put_m(m);
    for (const struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: pairs with more_gs
        for (uint64_t i = 0; i < b->n; i++) put_g(&b->gs[i]);
}
static void put_line(int64_t ms, uint32_t n)
{
    const bool detail = base_flags.scheddetail;
    base_putf(&out,
              "SCHED %ldms: gomaxprocs=%d idleprocs=%u threads=%u spinningthreads=%u needspinning=0 idlethreads=%u "
              "runqueue=%u",
              ms, base_load_relaxed(&rv__sched.procs), base_load_relaxed(&rv__sched.idle_ps),
              base_load_relaxed(&rv__sched.ms), base_load_relaxed(&rv__sched.spinning),
              base_load_relaxed(&rv__sched.idle_ms), base_load_relaxed(&rv__sched.global_n));
    if (detail) {
        base_puts(&out, " gcwaiting=false nmidlelocked=0 stopwait=0 sysmonwait=false\n");
        return;
    }
    base_puts(&out, " [");
    for (uint32_t i = 0; i < n; i++) {
        make_room();
        base_putf(&out, "%s%u", i ? " " : "", rv__runq_length(&rv__sched.ps[i]->runq));
    }
    base_puts(&out, "]\n");
}
void rv__schedtrace(int64_t now)
{
    static int64_t began, next;
    if (base_flags.schedtrace <= 0 || now < next) return;
    const uint32_t exist = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    const uint32_t procs = (uint32_t)base_load_relaxed(&rv__sched.procs), n = procs < exist ? procs : exist;
    if (n == 0) return; // rv_run has only begun
    if (!began) began = now;
    next = now + (int64_t)base_flags.schedtrace * MS;
    put_line((now - began) / MS, n);
    if (base_flags.scheddetail) put_all(n);
    flush();
}
