// netpoll.c: goroutines that wait for file descriptors, by epoll.
//
// A call is attempted first (io.c). Only when it would block, its goroutine comes here:
//     lock the descriptor; see that epoll tells of it; join its waiters; unlock; park.
// An event wakes everybody who waits for a side that it names; they attempt again.
//
// How epoll tells:
//   by one shot   a descriptor that the program made is armed for each wait (epoll_ctl, for all sides that anybody waits for). An
//                 event disarms it; for sides that are still waited for it is armed anew.
//   by edges      a socket that we made (RV__FD_OURS) is armed once, for both sides, edge-triggered. An event that meets no
//                 waiter for a side is kept as `ready`, and the next who would wait for that side attempts again instead.
//
// Why no wake-up is lost:
//   (1) Arming looks: a descriptor that is ready already gives its event at once. So it does not matter what happened
//       between the attempt and the arming.
//   (2) Whoever is in the list of waiters is covered by an armed shot, or by an event that has been fetched and is
//       about to take the descriptor's lock: both change only under that lock.
//   (3) By edges: what becomes ready after an attempt gives an event after it, which finds the waiter or leaves `ready`.
//       Who waits without an attempt (io.c leaves some out) needs to know more: that the last read came to the end of
//       what was there, and that neither a read nor an event has begun since. `reads` counts those, `drained` is what it
//       was at such a read. Otherwise it arms again, which looks.
//   (4) An event may come too often (two threads fetch, a number is reused); that costs an attempt that is repeated.
// The number of a descriptor that the program closes behind our back, and gets again for another: epoll has dropped the old one. By
// one shot, arming says ENOENT, and adds the new one. By edges nothing tells; so who has waited for CHECK_NS by edges
// is armed once more, by sysmon (rv__netpoll_check), which sees to urgent marks, too. (Who still waited for the old one
// waits on, as in close(2).) rv_close ends the number's `life`: waiters are sent home, and events that name an earlier life are
// dropped.
//
// Descriptors are entries of a table in blocks, which are made on demand and stay; so an entry's address is good for
// ever. Lock order: descriptor, then timers. epoll_ctl is called under the descriptor's lock: it waits for nobody who
// could want that lock.
//
// Breaking. `broken` is 1 from the break on until the poller that it woke has taken note; only the one that changes it
// from 0 writes to the eventfd. Both sides exchange: the poller that clears it sees what was done before each break
// that found it set. The eventfd is level-triggered, and only who waits reads it: a fetch without time-out leaves it
// for them.
#include "runtime/netpoll.h"

#include <errno.h>
#include <linux/time_types.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "base/arena.h"
#include "runtime/ctx.h"
#include "runtime/sched.h"
#include "runtime/time.h"

#ifdef RAVEL_TINY
enum { BLOCK = 4, BLOCKS = 1 << 16, FETCH = 2 };
#else
enum { BLOCK = 256, BLOCKS = 1 << 12, FETCH = 128 };
#endif
enum { SIDES = 2, BOTH = RV_READ | RV_WRITE, CHECK_NS = 100000000, CHECK_SHARE = 100 };
enum checked { NEW, SEEN, CHECKED };

struct waiter { // on the stack of who waits; guarded by the lock of fd
    struct waiter *next;
    struct rv__g *g;
    struct fd *fd;
    int sides, result;
    bool waits;             // is in the list
    struct rv__timer timer; // when it does not wait for ever
    uint32_t fired;         // atomic: the timer's fire no longer touches this
    struct rv__wait wait;   // for its context; the descriptor stays, so nobody else need claim it
};
struct deadline {
    struct rv__timer timer;
    int64_t at; // 0: none; guarded by the lock of fd
    struct fd *fd;
    int side;
};
struct fd {
    struct rv__lock lock;
    uint32_t life;    // atomic; written under lock
    uint32_t closing; // rv_close runs, so many times; guarded by lock
    uint32_t hints;   // atomic: enum rv__fd_hint, and io.c's count above it
    int number;
    bool added;                 // epoll knew it when last asked; guarded by lock
    bool edge;                  // it tells by edges; guarded by lock
    uint8_t ready;              // sides of events that met nobody; guarded by lock
    uint8_t checked;            // enum checked: how often rv__netpoll_check has met who waits; guarded by lock
    uint32_t reads;             // atomic: reads and events to read that have begun
    uint32_t drained;           // atomic: `reads` at the last read that left nothing
    struct waiter *waiters;     // guarded by lock
    struct deadline *deadlines; // SIDES of them, or NULL; made under lock, and stay
} __attribute__((aligned(64)));

static struct fd *blocks[BLOCKS]; // atomic
static struct rv__lock making;    // blocks, deadlines, and the two below
static int epoll_fd = -1;         // atomic
static int event_fd;              // constant once epoll_fd is there
static uint32_t broken;           // atomic, see above
static int64_t waiting;           // atomic: waiters in all lists
static uint32_t unchecked;        // atomic: somebody may wait by edges who has not been checked
static uint32_t used_blocks;      // atomic: those that are there lie below
uint32_t rv__netpoll_old;
static const uint64_t BREAK = UINT64_MAX; // the eventfd's name in events

static int to_ctl(int op, int fd, struct epoll_event *e)
{
    return (int)sys_call4(SYS_epoll_ctl, base_load_relaxed(&epoll_fd), op, fd, e);
}
COLD static void turn_on(void)
{
    rv__lock(&making);
    if (epoll_fd < 0) {
        const int ep = (int)sys_call1(SYS_epoll_create1, EPOLL_CLOEXEC);
        event_fd = (int)sys_call2(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (ep < 0 || event_fd < 0) rv__fatal("no descriptors left for epoll: error %d", ep < 0 ? -ep : -event_fd);
        struct epoll_event e = {.events = EPOLLIN, .data.u64 = BREAK};
        sys_call4(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, event_fd, &e);
        base_store_release(&epoll_fd, ep); // release: event_fd; pairs with the acquire in ensure_on
    }
    rv__unlock(&making);
}
static void ensure_on(void)
{
    if (unlikely(base_load_acquire(&epoll_fd) < 0)) turn_on();
}

// ---- the table -----------------------------------------------------------------------------------------------------

// NULL: nobody has waited for it or its neighbours yet, or the table has no room for such numbers.
static struct fd *find(int fd)
{
    if ((unsigned)fd / BLOCK >= BLOCKS) return NULL;
    struct fd *b = base_load_acquire(&blocks[(unsigned)fd / BLOCK]); // acquire: pairs with the release in make
    return b ? &b[(unsigned)fd % BLOCK] : NULL;
}
COLD static struct fd *make(int fd)
{
    if ((unsigned)fd / BLOCK >= BLOCKS) return NULL;
    rv__lock(&making);
    if (!blocks[(unsigned)fd / BLOCK]) {
        struct fd *b = base_arena_alloc(BLOCK * sizeof *b + 64);
        b = (struct fd *)(((uintptr_t)b + 63) & ~(uintptr_t)63);
        for (int i = 0; i < BLOCK; i++) b[i].number = fd / BLOCK * BLOCK + i;
        base_store_release(&blocks[(unsigned)fd / BLOCK], b);
        if ((unsigned)fd / BLOCK >= used_blocks) base_store_relaxed(&used_blocks, (unsigned)fd / BLOCK + 1);
    }
    rv__unlock(&making);
    return find(fd);
}
static struct fd *find_or_make(int fd)
{
    struct fd *f = find(fd);
    return likely(f != NULL) ? f : make(fd);
}
uint32_t rv__fd_life(int fd)
{
    const struct fd *f = find(fd);
    return f ? base_load_acquire(&f->life) : 0; // acquire: before the attempt that follows
}
uint32_t rv__fd_hints(int fd)
{
    const struct fd *f = find(fd);
    return f ? base_load_relaxed(&f->hints) : 0; // relaxed: a hint
}
void rv__fd_hint(int fd, uint32_t hints)
{
    struct fd *f = find(fd);
    if (unlikely(!f)) {
        struct rv__g *g = rv__enter();
        f = make(fd);
        rv__leave(g);
    }
    if (f) base_store_relaxed(&f->hints, hints); // relaxed: a hint
}

uint32_t rv__fd_read_begin(int fd)
{
    struct fd *f = find(fd);
    return f ? base_add_relaxed(&f->reads, 1u) + 1 : 0; // relaxed: only who sees the number unchanged acts on it
}
void rv__fd_drained(int fd, uint32_t read)
{
    struct fd *f = find(fd);
    // An event or a read that begins between these two changes `reads`, and drained is of no worth.
    if (f && base_load_relaxed(&f->reads) == read) base_store_relaxed(&f->drained, read);
}
static bool is_drained(const struct fd *f) { return base_load_relaxed(&f->drained) == base_load_relaxed(&f->reads); }

// ---- arming and waking ---------------------------------------------------------------------------------------------

static int waited_for(const struct fd *f)
{
    int sides = 0;
    for (const struct waiter *w = f->waiters; w; w = w->next) sides |= w->sides;
    return sides;
}
static uint32_t events_of(const struct fd *f, int sides)
{
    if (f->edge) return EPOLLET | EPOLLIN | EPOLLRDHUP | EPOLLOUT;
    return EPOLLONESHOT | (sides & RV_READ ? EPOLLIN | EPOLLRDHUP : 0) | (sides & RV_WRITE ? EPOLLOUT : 0);
}
static int arm_locked(struct fd *f, int sides)
{
    struct epoll_event e = {.events = events_of(f, sides), .data.u64 = (uint64_t)f->life << 32 | (uint32_t)f->number};
    int err = to_ctl(f->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, f->number, &e);
    if (err == -ENOENT) err = to_ctl(EPOLL_CTL_ADD, f->number, &e);
    if (err == -EEXIST) err = to_ctl(EPOLL_CTL_MOD, f->number, &e);
    f->added = err == 0;
    return err;
}
static void take_locked(struct waiter **link, int result, struct rv__glist *out)
{
    struct waiter *w = *link;
    *link = w->next;
    w->waits = false;
    w->result = result;
    base_add_relaxed(&waiting, -1); // relaxed: a count
    rv__glist_push(out, w->g);
}
// result 0: the sides themselves. Returns those that somebody has waited for.
static int wake_locked(struct fd *f, int sides, int result, struct rv__glist *out)
{
    int met = 0;
    for (struct waiter **link = &f->waiters; *link;) {
        const int common = (*link)->sides & sides;
        met |= common;
        if (common)
            take_locked(link, result ? result : common, out);
        else
            link = &(*link)->next;
    }
    return met;
}
static void on_event(const struct epoll_event *e, struct rv__glist *out)
{
    struct fd *f = find((int)(uint32_t)e->data.u64);
    const uint32_t all = EPOLLERR | EPOLLHUP;
    const int sides =
        (e->events & (EPOLLIN | EPOLLRDHUP | all) ? RV_READ : 0) | (e->events & (EPOLLOUT | all) ? RV_WRITE : 0);
    rv__lock(&f->lock);
    if (f->life == e->data.u64 >> 32) {
        if (sides & RV_READ) base_add_relaxed(&f->reads, 1u); // relaxed: the lock orders it before who is woken
        const int met = wake_locked(f, sides, 0, out);
        if (f->edge)
            f->ready |= (uint8_t)(sides & ~met);
        else if (unlikely(f->waiters != NULL))
            arm_locked(f, waited_for(f));
    }
    rv__unlock(&f->lock);
}

// ---- polling -------------------------------------------------------------------------------------------------------

static long wait_ms(struct epoll_event *events, int64_t ns)
{
    const int64_t ms = ns < 0 ? -1 : ns / 1000000 + (ns % 1000000 != 0);
    return sys_call6(SYS_epoll_pwait, epoll_fd, (long)events, FETCH, ms > INT32_MAX ? INT32_MAX : (long)ms, 0, 8);
}
static long wait_ns(struct epoll_event *events, int64_t ns)
{
    static __thread bool punctual; // the kernel's default is 50 us late
    if (ns <= 0 || base_load_relaxed(&rv__netpoll_old)) return wait_ms(events, ns);
    if (!punctual) punctual = sys_call2(SYS_prctl, PR_SET_TIMERSLACK, 1) == 0;
    const struct __kernel_timespec t = {ns / 1000000000, ns % 1000000000};
    const long n = sys_call6(SYS_epoll_pwait2, epoll_fd, (long)events, FETCH, (long)&t, 0, 8);
    if (n != -ENOSYS) return n;
    base_store_relaxed(&rv__netpoll_old, 1u); // relaxed: each thread would find out itself
    return wait_ms(events, ns);
}
static void take_note(void)
{
    uint64_t n;
    sys_read(event_fd, &n, sizeof n);
    base_exchange_acq_rel(&broken, 0u); // see the head
}
void rv__netpoll(int64_t timeout_ns, struct rv__glist *out)
{
    if (timeout_ns == 0 && base_load_relaxed(&waiting) == 0) return;
    ensure_on();
    struct epoll_event events[FETCH];
    const long n = wait_ns(events, timeout_ns);
    if (unlikely(n == -EBADF || n == -EINVAL)) rv__fatal("the descriptor %d, Ravel's epoll, was closed", epoll_fd);
    for (long i = 0; i < n; i++) {
        if (events[i].data.u64 != BREAK)
            on_event(&events[i], out);
        else if (timeout_ns != 0)
            take_note();
    }
}
void rv__netpoll_break(void)
{
    ensure_on();
    const uint64_t one = 1;
    if (base_exchange_acq_rel(&broken, 1u) == 0) sys_call3(SYS_write, event_fd, &one, sizeof one); // see the head
}
int64_t rv__netpoll_waiters(void) { return base_load_relaxed(&waiting); } // relaxed: a count

// ---- waiting -------------------------------------------------------------------------------------------------------

// Unless an event has taken it already.
static void leave_locked(struct waiter *w, int result, struct rv__glist *out)
{
    if (!w->waits) return;
    struct waiter **link = &w->fd->waiters;
    while (*link != w) link = &(*link)->next;
    take_locked(link, result, out);
}
// Time is up for one waiter, unless an event came first.
static void end_wait(struct rv__timer *t, int64_t now)
{
    struct waiter *w = t->arg;
    struct rv__glist out = {0};
    (void)now;
    rv__lock(&w->fd->lock);
    leave_locked(w, 0, &out);
    rv__unlock(&w->fd->lock);
    base_store_release(&w->fired, 1u); // release: the last touch; pairs with the acquire in after_wait
    if (out.head) rv__ready_list(&out);
}
static void leave(struct rv__wait *wait, struct rv__glist *out)
{
    struct waiter *const w = wait->place;
    rv__lock(&w->fd->lock);
    leave_locked(w, wait->err, out);
    rv__unlock(&w->fd->lock);
}
static bool passed(const struct fd *f, int sides)
{
    if (likely(!f->deadlines)) return false;
    for (int i = 0; i < SIDES; i++) {
        const int64_t at = f->deadlines[i].at;
        if ((sides & 1 << i) && at && at <= rv__now()) return true;
    }
    return false;
}
// A goroutine's M comes to poll when it has nothing else to do; a plain thread does not. Either there is a poller,
// which will see `waiting` before it goes to sleep otherwise, or an M is woken, which will become it.
static void find_poller(void)
{
    base_fence_seq_cst(); // waiting + 1, then poller; the other side: poller = 0, the lock of rv__sched, then waiting
    if (rv__wants_poller()) rv__wake_one();
}
enum { PARK = 1 << 8, CLOSING = 1 << 9, ENDED = 1 << 10 };
// An event for one of these sides will wake us: 0; or there has been one already: those sides. Or an error.
static int cover_locked(struct fd *f, int sides, bool tried)
{
    const bool ours = base_load_relaxed(&f->hints) & RV__FD_OURS; // relaxed: a hint; see rv__netpoll_check
    if (likely(ours && f->edge && f->added && (tried || is_drained(f)))) {
        const int ready = f->ready & sides;
        f->ready &= (uint8_t)~sides;
        return ready;
    }
    f->edge = ours;
    f->ready = 0;
    return arm_locked(f, f->waiters ? sides | waited_for(f) : sides);
}
static int before_wait_locked(struct fd *f, struct waiter *w, uint32_t life, int64_t until, bool tried)
{
    if (unlikely(rv__wait_decided(&w->wait))) return ENDED;
    if (unlikely(f->closing)) return CLOSING; // an attempt will tell, once it is closed
    if (unlikely(f->life != life)) return -ECANCELED;
    if (unlikely(passed(f, w->sides))) return -ETIMEDOUT;
    const int how = cover_locked(f, w->sides, tried);
    if (how != 0) return how;
    f->checked = NEW;
    if (f->edge && !base_load_relaxed(&unchecked)) base_store_relaxed(&unchecked, 1u); // relaxed: sysmon comes by again
    w->next = f->waiters;
    f->waiters = w;
    w->waits = true;
    base_add_relaxed(&waiting, 1); // relaxed: who sleeps without polling looks again behind a membarrier
    rv__park_begin(w->g, RV__WHY_IO, f);
    if (until != RV__NEVER) {
        w->timer = (struct rv__timer){.when = until, .fire = end_wait, .arg = w};
        rv__timer_begin(&w->timer);
    }
    return PARK;
}
static void after_wait(struct waiter *w)
{
    if (w->timer.fire == NULL || rv__timer_del(&w->timer)) return;
    // It fires, or has: in another thread, which is about to be done with our stack.
    while (!base_load_acquire(&w->fired)) sys_yield();
}
static int wait_at(struct fd *f, int sides, uint32_t life, int64_t until, bool tried, struct rv__g *g, rv_ctx *ctx)
{
    struct waiter w = {.g = g, .fd = f, .sides = sides, .wait = {.ctx = ctx, .g = g, .place = &w, .leave = leave}};
    const int err = rv__wait_begin(&w.wait);
    if (unlikely(err)) return err;
    rv__lock(&f->lock);
    const int how = before_wait_locked(f, &w, life, until, tried);
    rv__unlock(&f->lock);
    if (how == PARK) {
        if (unlikely(g->kind == RV__THREAD)) find_poller();
        rv__park(g);
        after_wait(&w);
    } else if (how == CLOSING) {
        sys_yield();
    }
    const int ended = rv__wait_end(&w.wait, false);
    return how == PARK ? w.result : how == CLOSING ? sides : how == ENDED ? ended : how;
}
int rv__fd_wait(int fd, int sides, uint32_t life, int64_t until, bool tried, rv_ctx *ctx)
{
    struct rv__g *g = rv__enter();
    ensure_on();
    struct fd *f = find_or_make(fd);
    const int result = f ? wait_at(f, sides, life, until, tried, g, ctx) : fd < 0 ? -EBADF : -EPERM;
    rv__leave(g);
    return result;
}

// ---- numbers that were closed behind our back -----------------------------------------------------------------------

static void check(struct fd *f)
{
    rv__lock(&f->lock);
    if (f->edge && f->waiters && f->checked != CHECKED) {
        if (f->checked == SEEN) arm_locked(f, BOTH); // if epoll does not know it any more, it is added
        f->checked++;
        base_store_relaxed(&unchecked, 1u);
    }
    rv__unlock(&f->lock);
}
bool rv__netpoll_check(int64_t now)
{
    static int64_t next;
    if (likely(!base_load_relaxed(&unchecked))) return false;
    if (now < next) return true;
    base_store_relaxed(&unchecked, 0u);
    const uint32_t n = base_load_relaxed(&used_blocks);
    for (uint32_t b = 0; b < n; b++) {
        struct fd *fs = base_load_acquire(&blocks[b]); // acquire: as in find
        for (int i = 0; fs && i < BLOCK; i++)
            if (base_load_relaxed(&fs[i].edge)) check(&fs[i]); // relaxed: a hint; one that is missed is met next time
    }
    const int64_t took = rv__real_now() - now; // as sysmon counts
    next = now + (took * CHECK_SHARE > CHECK_NS ? took * CHECK_SHARE : CHECK_NS);
    return true;
}

// ---- deadlines -----------------------------------------------------------------------------------------------------

// It may have been moved since it was taken out of the heap: then this comes too early, or for nothing.
static void on_deadline(struct rv__timer *t, int64_t now)
{
    struct deadline *d = t->arg;
    struct rv__glist out = {0};
    rv__lock(&d->fd->lock);
    if (d->at && d->at <= now) wake_locked(d->fd, d->side, -ETIMEDOUT, &out);
    rv__unlock(&d->fd->lock);
    if (out.head) rv__ready_list(&out);
}
static void make_deadlines_locked(struct fd *f)
{
    struct deadline *ds = base_arena_alloc(SIDES * sizeof *ds);
    for (int i = 0; i < SIDES; i++)
        ds[i] = (struct deadline){{.fire = on_deadline, .arg = &ds[i]}, .fd = f, .side = 1 << i};
    f->deadlines = ds;
}
static void set_locked(struct fd *f, struct deadline *d, int64_t at, struct rv__glist *out)
{
    rv__timer_del(&d->timer);
    d->at = at;
    if (at == 0) return;
    if (at <= rv__now()) {
        wake_locked(f, d->side, -ETIMEDOUT, out);
        return;
    }
    d->timer.when = at == RV__NEVER ? RV__NEVER - 1 : at;
    rv__timer_begin(&d->timer);
}
int rv_set_deadline(int fd, int sides, int64_t deadline)
{
    if (fd < 0 || sys_call2(SYS_fcntl, fd, 1 /* F_GETFD */) < 0) return -EBADF;
    if (sides == 0 || (sides & ~BOTH) != 0) return -EINVAL;
    struct rv__glist out = {0};
    struct rv__g *g = rv__enter();
    struct fd *f = find_or_make(fd);
    if (f) {
        rv__lock(&f->lock);
        if (!f->deadlines) make_deadlines_locked(f);
        for (int i = 0; i < SIDES; i++)
            if (sides & 1 << i) set_locked(f, &f->deadlines[i], deadline < 0 ? 1 : deadline, &out);
        rv__unlock(&f->lock);
        if (out.head) rv__ready_list(&out);
    }
    rv__leave(g);
    return f ? 0 : -ENOSYS;
}

// ---- lives ---------------------------------------------------------------------------------------------------------

static void end_life_locked(struct fd *f, uint32_t hints, struct rv__glist *out)
{
    base_store_release(&f->life,
                       f->life + 1);      // release: before close(2), so that the next holder of the number reads it
    base_store_relaxed(&f->hints, hints); // relaxed: a hint
    base_add_relaxed(&f->reads, 1u);
    for (int i = 0; f->deadlines && i < SIDES; i++) set_locked(f, &f->deadlines[i], 0, out);
    wake_locked(f, BOTH, -ECANCELED, out);
}
void rv__fd_made(int fd, uint32_t hints)
{
    struct rv__glist out = {0};
    struct rv__g *g = rv__enter();
    struct fd *f = find_or_make(fd);
    if (f) {
        rv__lock(&f->lock);
        end_life_locked(f, hints, &out);
        f->added = false;
        rv__unlock(&f->lock);
        if (out.head) rv__ready_list(&out);
    }
    rv__leave(g);
}
void rv__fd_close_begin(int fd)
{
    struct rv__glist out = {0};
    struct rv__g *g = rv__enter();
    struct fd *f =
        find_or_make(fd); // made, so that a call which is about to wait for the first time finds its life over
    if (!f) {
        rv__leave(g);
        return;
    }
    rv__lock(&f->lock);
    f->closing++;
    end_life_locked(f, 0, &out);
    struct epoll_event e;
    if (f->added) to_ctl(EPOLL_CTL_DEL, fd, &e); // a duplicate may live on, and with it what epoll knows
    f->added = false;
    rv__unlock(&f->lock);
    if (out.head) rv__ready_list(&out);
    rv__leave(g);
}
void rv__fd_close_end(int fd)
{
    struct fd *f = find(fd);
    if (!f) return;
    struct rv__g *g = rv__enter();
    rv__lock(&f->lock);
    f->closing--;
    rv__unlock(&f->lock);
    rv__leave(g);
}
// rv_run is over: goroutines that still wait will not run any more. Plain threads will.
void rv__netpoll_forget(void)
{
    for (int b = 0; b < BLOCKS; b++)
        for (int i = 0; blocks[b] && i < BLOCK; i++)
            for (struct waiter **link = &blocks[b][i].waiters; *link;) {
                if ((*link)->g->kind == RV__THREAD) {
                    link = &(*link)->next;
                    continue;
                }
                *link = (*link)->next;
                base_add_relaxed(&waiting, -1);
            }
}
