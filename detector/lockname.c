#include "detector/lockname.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/sys.h"
#include "detector/stack.h"
#include "detector/sweep.h"

enum {
    NAMES_MAX = 1 << 28,
    BLOCK = 512, // names whose memory is given back together: three pages
#ifdef RAVEL_TINY
    SWEEP_AT = 64, // a sweep is asked for after so many chain nodes or names at least
#else
    SWEEP_AT = 1 << 20,
#endif
};
_Static_assert(BLOCK * sizeof(struct det_lock_name) % 4096 == 0, "a block is whole pages");

struct det_lock_name *det_lock_names; // constant once set
struct det_pairs det_chains, det_site_chains;
static uint8_t *freed;                     // by block; constant once set
static uint32_t used;                      // names given; guarded by lock
static uint32_t chains_limit, names_limit; // when to ask for a sweep; guarded by lock; 0: not set up yet
static uint64_t lost;                      // guarded by lock
static struct base_lock lock;              // guards the making of names

static void ask_for_sweep(void)
{
    chains_limit = names_limit = UINT32_MAX; // once
    det_sweep_ask();
}
static void set_limits(void)
{
    chains_limit = det_chains.live < SWEEP_AT / 2 ? SWEEP_AT : 2 * det_chains.live;
    names_limit = used + SWEEP_AT;
}
static void set_up(void)
{
    det_lock_names = sys_reserve((size_t)NAMES_MAX * sizeof *det_lock_names);
    freed = sys_reserve(NAMES_MAX / BLOCK);
    CHECK(det_lock_names && freed && "no address space for the names of locks");
    det_lock_names[NAMES_MAX - 1].gone = true;
    set_limits();
}
uint32_t det_lock_name_new(uintptr_t addr, uint32_t created, int flags)
{
    base_lock(&lock);
    if (!det_lock_names) set_up();
    const bool room = used + 2 < NAMES_MAX;
    const uint32_t name = room ? ++used : NAMES_MAX - 1; // all that come too late share a name, and are in no graph
    lost += !room;
    if (room) det_lock_names[name] = (struct det_lock_name){.addr = addr, .created = created, .flags = (uint16_t)flags};
    if (used >= names_limit) ask_for_sweep();
    base_unlock(&lock);
    return name;
}
static uint32_t push(struct det_pairs *t, uint32_t below, uint32_t what)
{
    bool made;
    base_lock(&lock);
    const uint32_t node = det_pairs_intern(t, below, what, &made);
    lost += node == 0;
    if (t->live >= chains_limit && t == &det_chains) ask_for_sweep();
    base_unlock(&lock);
    return node;
}
uint32_t det_chain_push(uint32_t below, uint32_t name, bool read) { return push(&det_chains, below, name << 1 | read); }
uint32_t det_site_chain_push(uint32_t below, uint32_t stack) { return push(&det_site_chains, below, stack); }

// Outside this file a lock is called by its name - 1, so that the first one is M0.
uint32_t det_locks_chain_read(uint32_t chain, struct det_chain_lock *out, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t c = chain; c; c = det_chain_below(c)) n += det_chain_lock(c) != 0;
    uint32_t at = n < max ? n : max;
    for (uint32_t c = chain; at > 0; c = det_chain_below(c))
        out[--at] = (struct det_chain_lock){det_chain_lock(c) - 1, det_chain_is_read(c)};
    return n;
}
void det_locks_info(uint32_t lock_id, struct det_lock_info *out)
{
    const struct det_lock_name *n = &det_lock_names[lock_id + 1];
    *out = (struct det_lock_info){.id = lock_id, .addr = n->addr, .flags = n->flags};
    out->destroyed = base_load_relaxed(&n->gone); // relaxed: a word in a report
    det_stack_read(n->created, &out->created);
}
uint64_t det_locks_count(void) { return base_load_relaxed(&used); }     // relaxed: a figure for stats
uint64_t det_lock_names_lost(void) { return base_load_relaxed(&lost); } // relaxed: a figure for stats

// ---- the sweep -----------------------------------------------------------------------------------------------

static uint8_t *marks; // of chain nodes, a bit each

void det_locks_begin_sweep(void) { marks = base_alloc(det_chains.used / 8 + 1); }
static bool marked(uint32_t chain) { return marks[chain / 8] >> chain % 8 & 1; }
void det_locks_mark(uint32_t chain)
{
    for (; chain && !marked(chain); chain = det_chain_below(chain)) marks[chain / 8] |= (uint8_t)(1 << chain % 8);
}
static void mark_held(const struct det_held_set *h) // what the strand holds is in use
{
    det_locks_mark(h->chain);
    if (h->named) det_locks_mark(h->locks[h->named - 1].chain);
}
static void forget_chains(struct det_carrier *c)
{
    for (int i = 0; i < DET_CHAIN_CACHE; i++) c->chains[i] = (struct det_chain_key){0};
    for (int i = 0; i < DET_WANT_CACHE; i++) c->wants[i] = (struct det_want_key){0};
}
static bool block_needed(uint32_t block)
{
    for (uint32_t i = block * BLOCK; i < (block + 1) * BLOCK; i++)
        if (i && !det_lock_names[i].gone) return true;
    return false;
}
// named[b]: some chain names a lock of block b.
static void free_blocks(const uint8_t *named)
{
    for (uint32_t b = 0; b < used / BLOCK; b++) { // the last one is still being given out
        if (freed[b] || named[b] || block_needed(b)) continue;
        sys_zap(&det_lock_names[b * BLOCK], BLOCK * sizeof *det_lock_names);
        freed[b] = 1;
    }
}
void det_locks_end_sweep(void)
{
    for (struct det_strand *s = det_strands; s; s = s->next) mark_held(&s->held);
    for (struct det_carrier *c = det_carriers; c; c = c->next) forget_chains(c);
    det_lockgraph_mark();
    uint8_t *named = base_alloc(NAMES_MAX / BLOCK);
    const uint32_t n = det_chains.used;
    for (uint32_t c = 1; c < n; c++)
        if (marked(c))
            named[det_chain_lock(c) / BLOCK] = 1;
        else if (det_chain_lock(c))
            det_pairs_remove(&det_chains, c);
    if (det_lock_names) free_blocks(named);
    base_free(named, NAMES_MAX / BLOCK);
    base_free(marks, n / 8 + 1);
    set_limits();
}
void det_lock_names_reset(void)
{
    if (det_lock_names) {
        sys_unmap(det_lock_names, (size_t)NAMES_MAX * sizeof *det_lock_names);
        sys_unmap(freed, NAMES_MAX / BLOCK);
    }
    det_lock_names = NULL;
    used = chains_limit = names_limit = 0;
    lost = 0;
    det_pairs_reset(&det_chains);
    det_pairs_reset(&det_site_chains);
}
