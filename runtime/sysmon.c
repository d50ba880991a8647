// sysmon.c: a thread without a P that sees to it that no P is kept from those who wait.
//
//   Ps whose M is in a system call      are handed on after CALL_NS, if anything waits
//   a goroutine that runs on            is preempted after SLICE_NS if others wait, after WAIT_NS if something waits on that P
//                                       (a due timer, who was made ready there): not just others that were preempted
//   urgent goroutines                   (came back from the kernel, were woken without a P) get one P, that whose goroutine has
//                                       run for longest, once the first has waited for URGENT_NS. They are served one
//                                       after the other: each that goes into the kernel again gives the P to the next
//                                       at once (sched.serve), and the last to the goroutine that had to make room
//   descriptors                         are looked at when nobody has for POLL_NS
//   an idle P, and work elsewhere       brings an M to it
//
// It sleeps for 20 us while Ps are lost to system calls, and after 50 rounds without that twice as long each time, up to 1 ms;
// it does not wake up at all while all Ps are idle. To wake it costs whoever takes a P 8 us, and sysmon as much for each round that it
// makes, so it learns from how long it slept: at first it sleeps as soon as all are idle; each time that it is woken before
// BRIEF_NS are over it lets them be idle for twice as long before, up to 20 ms.
#include "runtime/sched.h"
#include "runtime/sem.h"

#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/flags.h"
#include "runtime/dump.h"
#include "runtime/feed.h"
#include "runtime/netpoll.h"
#include "runtime/pool.h"
#include "runtime/seeded.h"
#include "runtime/world.h"

enum {
    US = 1000,
    MS = 1000 * US,
    CALL_NS = 20 * US,
    WAIT_NS = MS,
    URGENT_NS = 400 * US,
    SLICE_NS = 10 * MS,
    POLL_NS = 10 * MS,
    HELPERS = 2, // threads: this one and the maker
    SCAVENGE_NS = 1000 * MS,
    QUIET = 50,
    PATIENCE = 20, // rounds of 1 ms, at most
    BRIEF_NS = 5 * MS
};

void rv__monitor_wake(void)
{
    if (base_exchange_acquire(&rv__sched.monitor_asleep, 0u)) sys_futex_wake(&rv__sched.monitor_asleep, 1);
}
static void sleep_ns(int64_t ns)
{
    const struct timespec t = {.tv_sec = 0, .tv_nsec = ns};
    sys_call2(SYS_nanosleep, &t, NULL);
}
static bool all_idle(void)
{
    return base_load_relaxed(&rv__sched.idle_ps) >= (uint32_t)base_load_relaxed(&rv__sched.procs);
}

// ---- all asleep --------------------------------------------------------------------------------------------------------
// Nothing of ours runs or can wake up by itself: no P, no timer, no descriptor, nobody on the way to or from the kernel. A hint;
// who sees it last wakes sysmon to make sure: an M that goes idle, a plain thread that parks.
bool rv__maybe_dead(void)
{
    if (!all_idle() || base_load_relaxed(&rv__sched.global_n) || rv__netpoll_waiters()) return false;
    if (base_load_relaxed(&rv__sched.poller) || base_load_relaxed(&rv__sched.stopping)) return false;
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    for (uint32_t i = 0; i < n; i++)
        if (rv__timers_next(&rv__sched.ps[i]->timers) != RV__NEVER || !rv__runq_empty(&rv__sched.ps[i]->runq))
            return false;
    return base_load_relaxed(&rv__sched.idle_ms) + base_load_relaxed(&rv__sched.own_waiting) ==
           base_load_relaxed(&rv__sched.ms) + 1; // and rv_run's
}
// Every thread of the process is one of ours, or parked by us; so nobody is left who could wake anybody.
static bool nobody_else(void)
{
    struct stat s;
    if (stat("/proc/self/task", &s) != 0) return false;
    const uint32_t ours = base_load_relaxed(&rv__sched.ms) + 1 + HELPERS + base_load_relaxed(&rv__sched.foreign_parked);
    return s.st_nlink - 2 == ours;
}
static void check_dead(void)
{
    if (!rv__maybe_dead() || !nobody_else()) return;
    sys_membarrier(); // what others did before they went to sleep is in sight; had one of them woken another, a P would run
    if (rv__maybe_dead() && nobody_else()) rv__fatal_deadlock();
}

// Memory of stacks that nobody uses any more: looked for once a second, and given back a little at a time.
static void scavenge(int64_t now)
{
    static int64_t next;
    if (now >= next) next = now + (rv__stack_scavenge() ? SCAVENGE_NS / 50 : SCAVENGE_NS);
}
// What people have asked for, and what is done seldom.
static void watch(int64_t now)
{
    scavenge(now);
    rv__note_waits(now, false);
    rv__schedtrace(now);
    rv__stall_watch(now);
    rv__pools_watch(now);
}
// Until a P runs again (rv__p_acquire), or the end.
static void sleep_while_idle(void)
{
    base_store_relaxed(&rv__sched.monitor_asleep, 1u);
    sys_membarrier(); // an M that takes a P sees us asleep, or we see that it has
    if (!all_idle() || base_load_relaxed(&rv__sched.stopping) || rv__sem_posts_left()) {
        base_store_relaxed(&rv__sched.monitor_asleep, 0u);
        return;
    }
    check_dead();
    while (base_load_acquire(&rv__sched.monitor_asleep)) {
        static const struct timespec a_moment = {.tv_nsec = SCAVENGE_NS / 50}, a_while = {.tv_sec = 1};
        const bool asked = base_flags.schedtrace > 0 || base_flags.stall > 0;
        const bool more = rv__netpoll_check(rv__real_now()) || rv__stack_scavenge_more();
        const struct timespec *const limit = asked || more      ? &a_moment
                                             : rv__pools_hold() ? &a_while
                                                                : NULL; // NULL: none
        sys_call4(SYS_futex, &rv__sched.monitor_asleep, FUTEX_WAIT_PRIVATE, 1, limit);
        if (limit) watch(rv__real_now());
    }
}
static bool waits_here(const struct rv__p *p, int64_t now)
{
    return !rv__runq_empty(&p->runq) || rv__timers_next(&p->timers) <= now;
}
static bool see_call(struct rv__p *p, int64_t now)
{
    struct rv__watched *w = &p->watched;
    if (w->calls != base_load_relaxed(&p->calls)) {
        w->calls = base_load_relaxed(&p->calls);
        w->call_at = now;
        return false;
    }
    if (now - w->call_at < CALL_NS || !rv__anything_to_do()) return false;
    return rv__retake(p);
}
// Since when the goroutine that runs on p has run, as far as we have seen.
static void see_running(struct rv__p *p, int64_t now)
{
    struct rv__watched *w = &p->watched;
    if (w->tick != base_load_relaxed(&p->tick)) {
        w->tick = base_load_relaxed(&p->tick);
        w->tick_at = now;
        w->work_at = 0;
    }
    const bool here = waits_here(p, now);
    if (!here && !base_load_relaxed(&rv__sched.global_n)) {
        w->work_at = 0;
        return;
    }
    if (w->work_at == 0) w->work_at = now;
    const bool late = here && now - w->work_at >= WAIT_NS && now - w->tick_at >= WAIT_NS;
    if (!late && now - w->tick_at < SLICE_NS) return;
    if (!rv__preempt(p)) return;
    w->tick_at = now;
    w->work_at = 0;
}
static bool urgent_waits(void) { return base_load_relaxed(&rv__sched.urgent.n) != 0; } // relaxed: a hint
// One P, for URGENT_NS at most, for all that is urgent, which then pass it to each other: the one whose goroutine has run for longest.
static void see_urgent(int64_t now)
{
    static int64_t served_at;
    if (now - served_at >= URGENT_NS && base_load_relaxed(&rv__sched.serve)) base_store_relaxed(&rv__sched.serve, 0u);
    if (!urgent_waits() || now - base_load_relaxed(&rv__sched.urgent_since) < URGENT_NS) return;
    struct rv__p *longest = NULL;
    for (uint32_t i = 0; i < base_load_acquire(&rv__sched.n_ps); i++) { // acquire: the Ps
        struct rv__p *p = rv__sched.ps[i];
        if ((base_load_relaxed(&p->status) & RV__P_STATUS) != RV__P_RUNNING ||
            p->watched.tick != base_load_relaxed(&p->tick))
            continue;
        if (!longest || p->watched.tick_at < longest->watched.tick_at) longest = p;
    }
    if (!longest || now - longest->watched.tick_at < URGENT_NS) return;
    base_store_relaxed(&rv__sched.serve, 1u);
    base_store_relaxed(&rv__sched.urgent_since, served_at = now);
    if (rv__preempt(longest)) longest->watched.tick_at = now;
}
static void poll_late(int64_t now)
{
    if (rv__netpoll_waiters() == 0 || now - base_load_relaxed(&rv__sched.last_poll) < POLL_NS) return;
    uint32_t nobody = 0;
    if (!base_cas_acq_rel(&rv__sched.poller, &nobody, 1u)) return; // acq_rel: one poller at a time
    struct rv__glist l = {0};
    rv__netpoll(0, &l);
    base_store_relaxed(&rv__sched.last_poll, now);
    base_store_release(&rv__sched.poller, 0u);
    for (struct rv__g *g; (g = rv__glist_pop(&l)) != NULL;) rv__ready(g); // without a P: urgent
}
// One round. True: a P was lost to a system call.
static bool look(int64_t now)
{
    bool did = false;
    if (unlikely(rv__seeded_on())) {
        rv__seeded_watch();
        return false;
    }
    poll_late(now);
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    for (uint32_t i = 0; i < n; i++) {
        struct rv__p *p = rv__sched.ps[i];
        // Nobody came to it: fired here, what it wakes is urgent.
        if (rv__timers_next(&p->timers) <= now - WAIT_NS) rv__timers_run(&p->timers, now);
        const uintptr_t status = base_load_relaxed(&p->status) & RV__P_STATUS;
        if (status == RV__P_SYSCALL) did |= see_call(p, now);
        if (status == RV__P_RUNNING) see_running(p, now);
    }
    see_urgent(now);
    rv__netpoll_check(now);
    // A timer that is due just now is the poller's, who wakes up at this moment.
    const int64_t due = base_load_relaxed(&rv__sched.poller) ? now - 20 * US : now;
    if (base_load_relaxed(&rv__sched.idle_ps) && rv__anything_by(due)) rv__wake_one();
    return did;
}
static int64_t next_pause(int64_t was, uint32_t quiet, int64_t now)
{
    static int64_t last_urgent; // as they come again and again, they are looked for in time
    if (urgent_waits()) last_urgent = now;
    const int64_t most = now - last_urgent < SLICE_NS ? URGENT_NS / 2 : MS, next = quiet < QUIET ? 20 * US : 2 * was;
    return next < most ? next : most;
}
void *rv__sysmon(void *arg)
{
    struct rv__m *m = arg;
    rv__m_begin(m);
    m->g = &m->hidden;
    base_store_relaxed(&rv__sched.monitor_tid, m->tid); // relaxed: a number
    rv__feed_carry(NULL);
    prctl(PR_SET_TIMERSLACK, 1);
    int64_t pause = 20 * US;
    for (uint32_t quiet = 0, idle = 0, patience = 0; !base_load_relaxed(&rv__sched.stopping);) {
        sleep_ns(idle ? MS : pause);
        idle = all_idle() ? idle + 1 : 0;
        if (idle > patience) {
            const int64_t from = rv__real_now();
            rv__note_waits(from, true);
            sleep_while_idle();
            patience = rv__real_now() - from >= BRIEF_NS ? 0 : patience < PATIENCE / 2 ? 2 * patience + 1 : PATIENCE;
            quiet = idle = 0;
        }
        const int64_t now = rv__now(), real = rv__real_now(); // the same, but under sched=seed
        rv__section_begin(m);
        rv__world_pass(&m->seq);
        const bool delivered = rv__sem_deliver(false), did = look(now) || delivered;
        rv__section_end(m);
        watch(real);
        quiet = did ? 0 : quiet + 1;
        pause = next_pause(pause, quiet, now);
    }
    rv__sem_deliver(true);
    rv__m_finish(m);
    return NULL;
}
