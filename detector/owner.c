#include "detector/owner.h"
#include "base/sys.h"
#include "detector/access.h"

enum { MAX_TAG = 1 << 24, PATIENCE_NS = 1000 * 1000 * 1000 };
// In accesses by plain stores: what a handshake must be worth (1.3 us with two threads, and what both sides wait), and each
// further page that is taken with it.
enum { PRICE = 4096, MORE = 16 };
#ifdef RAVEL_TINY
enum { RUN_MAX = 2 };
#else
enum { RUN_MAX = 64 }; // pages taken with one handshake
#endif

static struct det_carrier **by_tag; // constant once set; an entry is constant once its tag is anywhere
static uint32_t next_tag = DET_OWNER_FIRST;
static struct base_lock lock; // guards next_tag

void det_owner_join(struct det_carrier *c)
{
    base_lock(&lock);
    if (!by_tag) by_tag = sys_reserve(MAX_TAG * sizeof *by_tag);
    if (by_tag && next_tag < MAX_TAG) {
        c->tag = next_tag++;
        by_tag[c->tag] = c;
    } else {
        c->tag = DET_OWNER_PENDING; // no page ever has it: all that is touched from here becomes shared
    }
    base_unlock(&lock);
}

// ---- waiting: in no window, and not closed to sweeps for long --------------------------------------------------

static void out_of_window(struct det_strand *s)
{
    base_store_release(&s->in, (uint32_t)DET_WAITING); // release: as in det_leave
}
static void into_window(struct det_strand *s)
{
    base_store_relaxed(&s->in, 1u); // relaxed: as in det_enter
    base_compiler_barrier();
}
static void pause_or_yield(int spins)
{
    if (spins < 200)
        base_pause();
    else
        sys_yield();
}
// acquire, twice: pairs with det_strand_carry, or with det_leave. What a strand that was set down stored is visible.
static bool is_in_window(const struct det_carrier *c)
{
    const struct det_strand *s = base_load_acquire(&c->strand);
    return base_load_acquire(&s->in) == 1;
}
// Steps (2) and (3). False: the owner stays in its section, since a signal handler that interrupted it there does not return (it
// waits to be woken, perhaps by s). Then a store of the owner's may be in flight for ever, and what it wipes out be missed.
static bool handshake(struct det_strand *s, uint32_t former)
{
    out_of_window(s);
    sys_membarrier();
    const struct det_carrier *const owner = by_tag[former];
    const uint64_t start = sys_now_ns();
    bool in_window;
    for (int spins = 0; (in_window = is_in_window(owner)); spins++) {
        pause_or_yield(spins);
        if (spins % 256 == 255 && sys_now_ns() - start > PATIENCE_NS) break;
    }
    into_window(s);
    if (in_window) det_give_up();
    return !in_window;
}

// ---- taking ----------------------------------------------------------------------------------------------------

static uint32_t pending(const struct det_strand *s) { return s->tag | DET_OWNER_PENDING; }
// Marks the page, and as many behind it as belong to the same strand and as s takes at a time: twice as many as the last
// time, where the page before is already its own, so that it seems to sweep. Returns how many.
static uint32_t mark(struct det_strand *s, const struct det_chunk *c, uintptr_t page, uint32_t former)
{
    const bool sweeps = page && base_load_relaxed(&c->owner[page - 1]) == s->tag; // relaxed: a guess
    const uint32_t twice = 2 * s->carrier->taken_run, most = !sweeps || !twice ? 1 : twice < RUN_MAX ? twice : RUN_MAX;
    uint32_t n = 0;
    while (n < most && page + n < CHUNK_PAGES) {
        uint32_t seen = former;
        if (base_load_relaxed(&c->owner[page + n]) != former ||
            !base_cas_acq_rel(&c->owner[page + n], &seen, pending(s))) // acq_rel: step (1)
            break;
        n++;
    }
    return n;
}
static void take(struct det_strand *s, const struct det_chunk *c, uintptr_t page, uint32_t former)
{
    const uint32_t n = mark(s, c, page, former);
    if (!n) return; // another was first
    const bool free = handshake(s, former);
    const uint32_t price = PRICE + n * MORE;
    const bool pays = free && s->carrier->credit >= price && s->tag != DET_OWNER_PENDING;
    if (pays) s->carrier->credit -= price;
    s->carrier->taken_run = n;
    for (uint32_t i = 0; i < n; i++) // release: what the former owner stored is visible to whoever sees the new one
        base_store_release(&c->owner[page + i], pays ? s->tag : (uint32_t)DET_OWNER_SHARED);
}
static void wait_for_taker(struct det_strand *s, const uint32_t *owner)
{
    out_of_window(s);
    for (int spins = 0; base_load_acquire(owner) & DET_OWNER_PENDING; spins++) pause_or_yield(spins);
    into_window(s);
}
bool det_page_open_slow(struct det_strand *s, const struct det_chunk *c, uintptr_t page)
{
    uint32_t *const owner = &c->owner[page];
    for (;;) {
        uint32_t seen = base_load_acquire(owner); // acquire: pairs with the release in take
        const uint32_t first = det_need_fence || s->tag == DET_OWNER_PENDING ? (uint32_t)DET_OWNER_SHARED : s->tag;
        if (seen == DET_OWNER_NONE && !base_cas_acq_rel(owner, &seen, first)) continue;
        if (seen == DET_OWNER_NONE) return first != DET_OWNER_SHARED;
        if (seen == s->tag) return true;
        if (seen == DET_OWNER_SHARED) return false;
        if (seen & DET_OWNER_PENDING)
            wait_for_taker(s, owner);
        else
            take(s, c, page, seen);
    }
}

// ---- sharing ---------------------------------------------------------------------------------------------------

static void share(struct det_strand *s, uint32_t *owner)
{
    for (;;) {
        uint32_t seen = base_load_acquire(owner);
        if (seen == DET_OWNER_SHARED) return;
        if (seen == DET_OWNER_NONE || seen == s->tag) { // s itself is in no window of the page now
            if (base_cas_acq_rel(owner, &seen, (uint32_t)DET_OWNER_SHARED)) return;
        } else if (seen & DET_OWNER_PENDING) {
            wait_for_taker(s, owner);
        } else if (base_cas_acq_rel(owner, &seen, pending(s))) { // acq_rel: step (1)
            handshake(s, seen);
            base_store_release(owner, (uint32_t)DET_OWNER_SHARED); // release: as in take
            return;
        }
    }
}
void det_pages_share(struct det_strand *s, uintptr_t addr, size_t size)
{
    for (uintptr_t a = addr & ~(uintptr_t)(APP_PAGE - 1); a < addr + size; a += APP_PAGE) {
        struct det_chunk c;
        if (!det_chunk_make(a, &c)) continue; // given up where the access itself is
        share(s, &c.owner[det_page_of(&c, a)]);
    }
}
