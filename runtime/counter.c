// counter.c: a number that many add to and few read.
//
// Each P adds to a word of its own, by a plain load and store inside a section, and plain threads to one more, atomically; a reader adds them
// up. The words of one P for 512 counters are one page, so two Ps never share a cache line, and a P's counters share few. A counter is
// the address of its first word: that of P number i lies i pages behind it.
//   (1) A P's word is changed by the P's holder only, inside a section.
//   (2) A word that is on the free list, or was never handed out, is 0 on each P, but for the first, which links the list.
// Rejected: a locked add to the P's word, without a section (twice as long); a mapping for each counter (a page each, and one more of the
// process's mappings).
#include "base/sys.h"
#include "runtime/sched.h"

enum { PAGE = 4096, SHARDS = RV__MAX_P + 1, OUTSIDE = RV__MAX_P };
#ifdef RAVEL_TINY
enum { COUNTERS = 4 };
#else
enum { COUNTERS = PAGE / sizeof(int64_t) };
#endif

static struct {
    struct rv__lock lock;
    int64_t *free; // guarded by lock: linked through their first words
    int64_t *cut;  // guarded by lock: never handed out, and `left` more behind it
    uint32_t left; // guarded by lock
} all;

static int64_t *shard(int64_t *first, uint32_t i) { return first + (size_t)i * (PAGE / sizeof *first); }

static int64_t *get_locked(void)
{
    int64_t *first = all.free;
    if (first) {
        all.free = (int64_t *)(uintptr_t)*first; // relaxed adds of others begin only after it is published
        *first = 0;
        return first;
    }
    if (!all.left) {
        all.cut = sys_reserve((size_t)SHARDS * PAGE); // of which only the Ps that add touch a page
        if (!all.cut) rv__fatal("out of memory: no counter");
        all.left = COUNTERS;
    }
    all.left--;
    return all.cut++;
}
// The first add.
static COLD int64_t *begin_use(rv_counter *c)
{
    rv__lock(&all.lock);
    if (!c->shards) base_store_release(&c->shards, get_locked()); // release: pairs with the acquires of add and value
    rv__unlock(&all.lock);
    return c->shards;
}
static NOINLINE void add_slow(rv_counter *c, int64_t n)
{
    const struct rv__p *const p = rv__p_of(rv__begin());
    int64_t *first = base_load_acquire(&c->shards); // acquire: as above
    if (!first) first = begin_use(c);
    int64_t *const mine = shard(first, p ? p->index : (uint32_t)OUTSIDE);
    if (p)
        base_store_relaxed(mine, *mine + n); // relaxed: a count orders nothing
    else
        base_add_relaxed(mine, n);
    rv__end();
}
void rv_counter_add(rv_counter *c, int64_t n)
{
    struct rv__m *const m = rv__m();
    if (likely(m != NULL)) {
        rv__section_begin(m);
        const struct rv__p *const p = rv__p_of(m);
        int64_t *const first = base_load_acquire(&c->shards); // acquire: pairs with the release in begin_use
        // relaxed: as in rv__begin and rv__end. What is asked for there is seen to by add_slow, before the add
        if (likely(p && first && !(base_load_relaxed(&m->attention) | base_load_relaxed(&m->preempt)))) {
            int64_t *const mine = shard(first, p->index);
            base_store_relaxed(mine, *mine + n); // relaxed: as in add_slow
            rv__section_end(m);
            return;
        }
        rv__section_end(m);
    }
    add_slow(c, n);
}
int64_t rv_counter_value(rv_counter *c)
{
    int64_t *const first = base_load_acquire(&c->shards); // acquire: pairs with the release in begin_use
    const uint32_t n =
        base_load_acquire(&rv__sched.n_ps); // acquire: whatever the caller knows of was added on one of these
    if (!first) return 0;
    int64_t sum = base_load_relaxed(shard(first, OUTSIDE)); // relaxed, all: as in add_slow
    for (uint32_t i = 0; i < n; i++) sum += base_load_relaxed(shard(first, i));
    return sum;
}
void rv_counter_free(rv_counter *c)
{
    int64_t *const first = c->shards;
    if (!first) return;
    c->shards = NULL;
    struct rv__g *const g = rv__enter();
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: as in value
    *shard(first, OUTSIDE) = 0;
    for (uint32_t i = 0; i < n; i++) *shard(first, i) = 0;
    rv__lock(&all.lock);
    *first = (int64_t)(uintptr_t)all.free;
    all.free = first;
    rv__unlock(&all.lock);
    rv__leave(g);
}
