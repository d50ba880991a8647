#include "detector/lockname.h"
#include "base/check.h"
#include "base/sys.h"
#include "detector/stack.h"

struct det_lock_name *det_lock_names; // constant once set
struct det_pairs det_chains, det_site_chains;
static uint32_t used;         // names given, guarded by lock
static uint64_t lost;         // guarded by lock
static struct base_lock lock; // guards the making of names

uint32_t det_lock_name_new(uintptr_t addr, uint32_t created, int flags)
{
    base_lock(&lock);
    if (!det_lock_names) {
        det_lock_names = sys_reserve((size_t)DET_PAIRS_MAX * sizeof *det_lock_names);
        CHECK(det_lock_names && "no address space for the names of locks");
    }
    const bool room = used + 1 < DET_PAIRS_MAX;
    const uint32_t name = room ? ++used : 0;
    lost += !room;
    if (room) det_lock_names[name] = (struct det_lock_name){.addr = addr, .created = created, .flags = (uint16_t)flags};
    base_unlock(&lock);
    return name;
}
static uint32_t push(struct det_pairs *t, uint32_t below, uint32_t what)
{
    bool made;
    base_lock(&lock);
    const uint32_t node = det_pairs_intern(t, below, what, &made);
    lost += node == 0;
    base_unlock(&lock);
    return node;
}
uint32_t det_chain_push(uint32_t below, uint32_t name, bool read) { return push(&det_chains, below, name << 1 | read); }
uint32_t det_site_chain_push(uint32_t below, uint32_t stack) { return push(&det_site_chains, below, stack); }

// Outside this file a lock is called by its name - 1, so that the first one is M0.
uint32_t det_locks_chain_read(uint32_t chain, struct det_chain_lock *out, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t c = chain; c; c = det_chain_below(c)) n++;
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
void det_lock_names_reset(void)
{
    if (det_lock_names) sys_unmap(det_lock_names, (size_t)DET_PAIRS_MAX * sizeof *det_lock_names);
    det_lock_names = NULL;
    used = 0;
    lost = 0;
    det_pairs_reset(&det_chains);
    det_pairs_reset(&det_site_chains);
}
