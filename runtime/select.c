// select.c: waiting at several channels at once.
//
// First a look at all of them without their locks. Of those that seem ready one is drawn, and tried under its lock alone:
// most selects end there. Else all locks are taken, in the order of addresses, so that what is seen is one instant; nobody
// ready, the goroutine queues in each channel, and parks.
//   (1) Who takes the first of a queue and finds a case of a select must claim the select: one compare-and-swap
//       decides it, and by whom. Cases of a select that is decided are skipped.
//   (2) The one who claimed takes its cases out of the queues of the channel he holds the lock of at once, and out of all
//       others once he has released it (rv__select_leave), before he makes the goroutine ready. Until then they stay
//       where they are, so the channel of a case that is queued exists: rv_chan_free waits for it (chan.c).
//   (3) So when the goroutine wakes up, it is in no queue, and nobody knows its frame any more but the time-out's fire, which
//       says when it is over.
// Nothing is allocated: waiters, and the order of locks, are in the caller's cases, which are his own until the return.
#include <errno.h>

#include "runtime/chan.h"
#include "runtime/ctx.h"
#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"
#include "runtime/time.h"

struct own { // in rv_case.own
    struct rv__waiter waiter;
    rv_case *in_order; // of case i: the case whose lock is the i-th to be taken; NULL: no more of them
    size_t size;       // of an element, for the detectors: the channel may be gone afterwards
};
_Static_assert(sizeof(struct own) <= sizeof((rv_case){0}.own), "a case has room for what it is");

struct rv__select {
    rv_case *cases;
    int n;
    uint32_t claimed;          // atomic: 0 -> 1 once
    struct rv__waiter *chosen; // written by who claimed; NULL: the time-out
    uint32_t fired;            // atomic: the time-out's fire is over
    int timeout;               // the soonest time-out's case, or -1
    struct rv__timer timer;
    struct rv__g *g;
};

static struct own *own(rv_case *c) { return (struct own *)c->own; }
static rv_case *case_of(struct rv__waiter *w) { return (rv_case *)((char *)w - offsetof(rv_case, own)); }
_Static_assert(offsetof(struct own, waiter) == 0, "as case_of has it");
static bool sends(const rv_case *c) { return c->kind == RV_CASE_SEND; }
static bool at_channel(const rv_case *c) { return c->kind != RV_CASE_TIMEOUT && c->ch; }
static struct rv__waitq *queue_of(rv_case *c) { return sends(c) ? &c->ch->senders : &c->ch->receivers; }

// ---- for those who find a case in a queue --------------------------------------------------------------------------

bool rv__select_decided(const struct rv__select *s)
{
    return base_load_acquire(&s->claimed) != 0;
} // acquire: as in claim
static bool claim(struct rv__select *s, struct rv__waiter *w)
{
    uint32_t unclaimed = 0;
    // acq_rel: who claims has what the select did before; who fails comes after who claimed
    if (!base_cas_acq_rel(&s->claimed, &unclaimed, 1u)) return false;
    s->chosen = w;
    return true;
}
// All cases of s at ch leave its queues; the caller has ch's lock.
static void leave_locked(struct rv__select *s, const rv_chan *ch)
{
    for (int i = 0; i < s->n; i++)
        if (at_channel(&s->cases[i]) && s->cases[i].ch == ch)
            rv__waitq_remove(queue_of(&s->cases[i]), &own(&s->cases[i])->waiter);
}
struct rv__waiter *rv__waitq_pop_select(struct rv__waitq *q)
{
    for (struct rv__waiter *const last = q->last, *w = last->next;; w = w->next) {
        if (!w->select) {
            rv__waitq_remove(q, w);
            return w;
        }
        if (claim(w->select, w)) {
            leave_locked(w->select, case_of(w)->ch);
            return w;
        }
        if (w == last) return NULL;
    }
}
void rv__select_leave(struct rv__select *s)
{
    rv_chan *const done = s->chosen ? case_of(s->chosen)->ch : NULL; // it may be gone
    rv_chan *left = NULL;
    for (int i = 0; i < s->n && own(&s->cases[i])->in_order; i++) {
        rv_chan *const ch = own(&s->cases[i])->in_order->ch;
        if (ch == done || ch == left) continue; // equal ones are neighbours
        rv__lock(&ch->lock);
        leave_locked(s, ch);
        rv__unlock(&ch->lock);
        left = ch;
    }
}

bool rv__select_at(const struct rv__select *s, int i, rv_chan **ch, bool *send)
{
    if (i >= s->n) return false;
    *ch = at_channel(&s->cases[i]) ? s->cases[i].ch : NULL;
    *send = sends(&s->cases[i]);
    return true;
}
bool rv__select_ends(const struct rv__select *s) { return s->timeout >= 0; }

// ---- looking -------------------------------------------------------------------------------------------------------

static uint32_t draw(struct rv__m *m, uint32_t n) // 0 .. n - 1
{
    if (unlikely(rv__seeded_on()) && rv__p_of(m)) return rv__seeded_choose(n);
    uint32_t x = m->random;
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    m->random = x;
    return (uint32_t)((uint64_t)x * n >> 32);
}
static bool seems_ready(const rv_case *c)
{
    if (c->kind == RV_CASE_TIMEOUT) return c->ns <= 0;
    return c->ch && !rv__chan_would_wait(c->ch, sends(c));
}
static bool somebody_waits(const struct rv__waitq *q)
{
    for (const struct rv__waiter *w = q->last ? q->last->next : NULL; w; w = w == q->last ? NULL : w->next)
        if (!w->select || !rv__select_decided(w->select)) return true;
    return false;
}
static bool is_ready_locked(const rv_case *c)
{
    if (c->kind == RV_CASE_TIMEOUT) return c->ns <= 0;
    if (!c->ch) return false;
    const rv_chan *const ch = c->ch;
    if (ch->closed) return true;
    return sends(c) ? ch->n != ch->capacity || somebody_waits(&ch->receivers)
                    : ch->n != 0 || somebody_waits(&ch->senders);
}
// One of those that are ready, each as likely as the others; -1: none is.
ALWAYS_INLINE int pick(const rv_case *cases, int n, struct rv__m *m, bool (*is_ready)(const rv_case *c))
{
    int picked = -1;
    uint32_t ready = 0;
    for (int i = 0; i < n; i++)
        if (is_ready(&cases[i]) && (++ready == 1 || draw(m, ready) == 0)) picked = i;
    return picked;
}
static enum rv__outcome do_locked(rv_case *c, struct rv__waiter **wake, uintptr_t pc)
{
    if (!sends(c)) return rv__chan_recv_locked(c->ch, c->elem, wake, pc);
    if (unlikely(!c->elem)) rv__check_elem(c->ch);
    return rv__chan_send_locked(c->ch, c->elem, wake, pc);
}
// The channel's reference goes with the element that it has: alarm.c.
static bool is_once(const rv_case *c) { return c->kind == RV_CASE_RECV && c->ch->alarm == RV__ONCE; }
// Does the operation of one case if it need not wait. The channel may be gone afterwards.
static bool try_alone(rv_case *c, uintptr_t pc)
{
    if (c->kind == RV_CASE_TIMEOUT) return true;
    rv_chan *const ch = c->ch;
    struct rv__waiter *wake = NULL;
    rv__lock(&ch->lock);
    const enum rv__outcome o = do_locked(c, &wake, pc);
    const bool spent = o == RV__DONE && is_once(c);
    rv__unlock(&ch->lock);
    if (unlikely(spent)) rv__chan_unref(ch);
    if (wake) rv__ready(rv__waiter_done(wake));
    c->ok = o == RV__DONE;
    return o != RV__WAIT;
}

// ---- all at once ---------------------------------------------------------------------------------------------------

// The cases that are at channels, by the addresses of these. (Shell's sort: the array is spread over the cases.)
static void sort(rv_case *cases, int n)
{
    int k = 0;
    for (int i = 0; i < n; i++)
        if (at_channel(&cases[i])) own(&cases[k++])->in_order = &cases[i];
    if (k < n) own(&cases[k])->in_order = NULL;
    for (int gap = k / 2; gap; gap /= 2) {
        for (int i = gap; i < k; i++) {
            rv_case *const c = own(&cases[i])->in_order;
            int j = i;
            for (; j >= gap && own(&cases[j - gap])->in_order->ch > c->ch; j -= gap)
                own(&cases[j])->in_order = own(&cases[j - gap])->in_order;
            own(&cases[j])->in_order = c;
        }
    }
}
static void lock_all(rv_case *cases, int n, bool lock)
{
    rv_chan *before = NULL;
    for (int i = 0; i < n && own(&cases[i])->in_order; i++) {
        rv_chan *const ch = own(&cases[i])->in_order->ch;
        if (ch == before) continue;
        if (lock)
            rv__lock(&ch->lock);
        else
            rv__unlock(&ch->lock);
        before = ch;
    }
}
// The time-out's: another M, inside a section. The last touch of s is fired, or making its goroutine ready.
static void fire(struct rv__timer *t, int64_t now)
{
    struct rv__select *const s = t->arg;
    (void)now;
    if (!claim(s, NULL)) {
        base_store_release(&s->fired, 1u); // release: over; pairs with the acquire in end_timer
        return;
    }
    rv__select_leave(s);
    if (s->g->kind == RV__THREAD)
        rv__ready(s->g);
    else
        rv__ready_fired(s->g);
}
static void end_timer(struct rv__select *s)
{
    if (s->timeout < 0 || !s->chosen || rv__timer_del(&s->timer)) return;
    while (base_load_acquire(&s->fired) == 0) sys_yield(); // acquire: pairs with fire
}
static void queue_all(struct rv__select *s)
{
    for (int i = 0; i < s->n; i++) {
        rv_case *const c = &s->cases[i];
        if (!at_channel(c)) continue;
        own(c)->waiter = (struct rv__waiter){.g = s->g, .elem = c->elem, .select = s};
        rv__waitq_push(queue_of(c), &own(c)->waiter);
    }
}
static int soonest(const rv_case *cases, int n)
{
    int at = -1;
    for (int i = 0; i < n; i++)
        if (cases[i].kind == RV_CASE_TIMEOUT && (at < 0 || cases[i].ns < cases[at].ns)) at = i;
    return at;
}
// All locks are held; on return none is, and one case is done.
static int wait_locked(rv_case *cases, int n, struct rv__g *g, uintptr_t pc)
{
    struct rv__select s = {.cases = cases, .n = n, .g = g, .timeout = soonest(cases, n)};
    rv__feed_leave(pc, g);
    queue_all(&s);
    const bool never = s.timeout < 0 && !(n && own(&cases[0])->in_order);
    g->select = &s;
    rv__park_begin(g, never ? RV__WHY_SELECT_NONE : RV__WHY_SELECT, NULL);
    if (s.timeout >= 0) s.timer = (struct rv__timer){.when = rv__after(cases[s.timeout].ns), .fire = fire, .arg = &s};
    lock_all(cases, n, false);
    if (s.timeout >= 0) rv__timer_begin(&s.timer);
    rv__park(g);
    rv__feed_get(pc, g);
    end_timer(&s);
    if (!s.chosen) return s.timeout;
    rv_case *const c = case_of(s.chosen);
    c->ok = s.chosen->ok;
    return (int)(c - cases);
}
// All locks are held. What looked ready may be decided elsewhere before it is claimed; then it does not look so again.
static int try_locked(rv_case *cases, int n, struct rv__waiter **wake, uintptr_t pc)
{
    for (;;) {
        const int i = pick(cases, n, rv__m(), is_ready_locked);
        if (i < 0 || cases[i].kind == RV_CASE_TIMEOUT) return i;
        const enum rv__outcome o = do_locked(&cases[i], wake, pc);
        cases[i].ok = o == RV__DONE;
        if (o != RV__WAIT) return i;
    }
}
static int choose_among_all(rv_case *cases, int n, int flags, struct rv__g *g, uintptr_t pc)
{
    struct rv__waiter *wake = NULL;
    sort(cases, n);
    lock_all(cases, n, true);
    const int i = try_locked(cases, n, &wake, pc);
    if (i < 0 && !(flags & RV_SELECT_DEFAULT)) return wait_locked(cases, n, g, pc);
    rv_chan *const spent = i >= 0 && at_channel(&cases[i]) && cases[i].ok && is_once(&cases[i]) ? cases[i].ch : NULL;
    lock_all(cases, n, false);
    if (unlikely(spent != NULL)) rv__chan_unref(spent);
    if (wake) rv__ready(rv__waiter_done(wake));
    return i;
}

// ---- the interface -------------------------------------------------------------------------------------------------

// What a case may send is read, whichever is chosen: the wait may end by any of them.
static COLD void tell_begin(rv_case *cases, int n, uintptr_t pc)
{
    for (int i = 0; i < n; i++) {
        own(&cases[i])->size = at_channel(&cases[i]) ? cases[i].ch->elem_size : 0;
        if (sends(&cases[i])) rv__feed_touch(pc, cases[i].elem, own(&cases[i])->size, false);
    }
}
static int choose(rv_case *cases, int n, int flags, uintptr_t pc)
{
    struct rv__m *const m = rv__begin();
    struct rv__g *const g = m->g;
    int i = pick(cases, n, m, seems_ready);
    if (i >= 0) {
        if (!try_alone(&cases[i], pc)) i = choose_among_all(cases, n, flags, g, pc);
    } else if (n != 1 || !(flags & RV_SELECT_DEFAULT)) { // of one alone the look was exact
        i = choose_among_all(cases, n, flags, g, pc);
    }
    if (i >= 0 && sends(&cases[i]) && !cases[i].ok) rv__send_on_closed();
    rv__end();
    return i;
}
static int select_at(rv_case *cases, int n, int flags, uintptr_t pc)
{
    for (int i = 0; i < n; i++) {
        if (unlikely((unsigned)cases[i].kind > RV_CASE_DONE)) rv__fatal("rv_select: case %d is of no kind", i);
        if (cases[i].kind == RV_CASE_DONE)
            cases[i].ch = rv_ctx_done(cases[i].elem); // a receive of nothing, from now on
    }
    if (unlikely(rv__feed != NULL)) tell_begin(cases, n, pc);
    const int i = choose(cases, n, flags, pc);
    if (i < 0) return -EAGAIN;
    if (unlikely(rv__feed != NULL) && cases[i].kind == RV_CASE_RECV)
        rv__feed_touch(pc, cases[i].elem, own(&cases[i])->size, true);
    return i;
}
int rv_select(rv_case *cases, int n, int flags) { return select_at(cases, n, flags, RV__CALLER); }

// ---- with a context ------------------------------------------------------------------------------------------------------

// The first case, unless ctx is done. ok: of that case.
static int do_unless_done(rv_ctx *ctx, rv_case first, bool *ok, uintptr_t pc)
{
    rv_case cases[] = {first, RV_DONE(ctx)};
    const int err = rv__ctx_err(ctx, pc);
    if (err) return err;
    if (select_at(cases, 2, 0, pc) == 1) return rv__ctx_err(ctx, pc);
    *ok = cases[0].ok;
    return 0;
}
int rv_chan_send_ctx(rv_ctx *ctx, rv_chan *ch, const void *elem)
{
    bool ok;
    return do_unless_done(ctx, RV_SEND(ch, elem), &ok, RV__CALLER);
}
int rv_chan_recv_ctx(rv_ctx *ctx, rv_chan *ch, void *elem)
{
    bool ok = false;
    const int err = do_unless_done(ctx, RV_RECV(ch, elem), &ok, RV__CALLER);
    return err ? err : ok ? 0 : -EPIPE;
}
int rv_sleep_ctx(rv_ctx *ctx, int64_t ns)
{
    bool ok;
    return do_unless_done(ctx, RV_TIMEOUT(ns), &ok, RV__CALLER);
}
