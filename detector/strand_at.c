// strand_at.c: whose stack an address is in. Reports ask, once for each race, and there may be 100,000 stacks.
//
// Stacks are in a table by the 64 KiB piece in which they begin. An address is looked for in the lists of its own piece and of
// those below it, as far down as the longest stack could begin. (Most stacks are as long as a piece, and one begins in each.)
#include "detector/sweep.h"

enum {
    PIECE_BITS = 16,
#ifdef RAVEL_TINY
    LISTS = 4,
#else
    LISTS = 1 << 14,
#endif
};
static struct det_strand_record *lists[LISTS]; // guarded by det_strands_lock
static size_t longest;                         // of all stacks so far; guarded by det_strands_lock

static struct det_strand_record **list_of(uintptr_t piece) { return &lists[piece % LISTS]; }

void det_stack_add(struct det_strand_record *r)
{
    base_lock(&det_strands_lock);
    struct det_strand_record **list = list_of(r->stack_lo >> PIECE_BITS);
    r->stack_next = *list;
    *list = r;
    if (r->stack_hi - r->stack_lo > longest) longest = r->stack_hi - r->stack_lo;
    base_unlock(&det_strands_lock);
}
void det_stack_remove(struct det_strand_record *r)
{
    assert_locked(&det_strands_lock);
    struct det_strand_record **p = list_of(r->stack_lo >> PIECE_BITS);
    while (*p && *p != r) p = &(*p)->stack_next;
    if (*p) *p = r->stack_next;
}
static const struct det_strand_record *find(uintptr_t addr)
{
    const uintptr_t first = addr > longest ? (addr - longest) >> PIECE_BITS : 0;
    uintptr_t piece = addr >> PIECE_BITS;
    for (unsigned n = 0; n < LISTS && piece >= first; n++, piece--) {
        for (const struct det_strand_record *r = *list_of(piece); r; r = r->stack_next)
            if (addr >= r->stack_lo && addr < r->stack_hi) return r;
        if (!piece) break;
    }
    return NULL;
}
bool det_strand_at(uintptr_t addr, uint32_t *id, uintptr_t *lo, uintptr_t *hi)
{
    base_lock(&det_strands_lock);
    const struct det_strand_record *r = find(addr);
    if (r) *id = r->id, *lo = r->stack_lo, *hi = r->stack_hi;
    base_unlock(&det_strands_lock);
    return r != NULL;
}
void det_stacks_reset(void)
{
    for (int i = 0; i < LISTS; i++) lists[i] = NULL;
    longest = 0;
}
