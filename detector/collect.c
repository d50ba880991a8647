// detector/collect.c: turns a race that was decided into a det_report: plain data, gathered while the strand is still in
// its section, then delivered outside of it.
#include "base/arena.h"
#include "detector/access.h"
#include "detector/creators.h"
#include "detector/stack.h"
#include "detector/sweep.h"

// Of each side, and that it synchronised with; of the location; of goroutines those by whom they came to be.
enum { STRANDS = 5 + DET_CREATORS_MAX, LOCKS = 2 * DET_HELD_MAX + 2 };
struct gathered {
    struct det_report report;
    struct det_strand_info strands[STRANDS];
    struct det_lock_info locks[LOCKS];
};

// One that nobody uses at present: a program may have millions of racing accesses, most of them of one bug.
static struct gathered *spare; // atomic

static struct gathered *take_gathered(void)
{
    struct gathered *g = base_exchange_acquire(&spare, NULL); // acquire: pairs with the release in give_gathered
    if (!g) return base_alloc(sizeof *g);
    g->report = (struct det_report){0}; // the rest is written before it is read
    return g;
}
static void give_gathered(struct gathered *g)
{
    g = base_exchange_acq_rel(&spare, g); // release: publishes what we wrote; acquire: what another wrote to his
    base_free(g, sizeof *g);
}

static uint32_t lock_index(struct det_report *r, uint32_t lock_id)
{
    for (uint32_t i = 0; i < r->nlocks; i++)
        if (r->locks[i].id == lock_id) return i;
    det_locks_info(lock_id, &r->locks[r->nlocks]);
    return r->nlocks++;
}
static void gather_held(struct det_report *r, struct det_side *side, uint32_t chain)
{
    struct det_chain_lock held[DET_HELD_MAX];
    const uint32_t n = det_locks_chain_read(chain, held, DET_HELD_MAX);
    side->held_cut = n > DET_HELD_MAX;
    side->nheld = n > DET_HELD_MAX ? DET_HELD_MAX : n;
    for (uint32_t i = 0; i < side->nheld; i++)
        side->held[i] = (struct det_held){lock_index(r, held[i].lock_id), held[i].read};
}
static void sync_with_lock(struct det_report *r, struct det_last_sync *l, uint32_t name)
{
    struct det_lock_info info;
    det_locks_info(name - 1, &info);
    if (!info.addr) return; // gone for so long that its name is forgotten
    l->of = DET_SYNC_OF_LOCK;
    l->index = lock_index(r, name - 1);
}
static void gather_sync(struct det_report *r, struct det_side *side, const struct det_synced *e, bool or_later)
{
    struct det_last_sync *l = &side->last_sync;
    l->what = (enum det_sync_what)e->what;
    l->or_later = or_later;
    switch (l->what) {
    case DET_SYNC_CREATE:
    case DET_SYNC_JOIN:
        l->of = DET_SYNC_OF_STRAND;
        l->index = det_report_strand(r, (uint32_t)e->object);
        break;
    case DET_SYNC_LOCK:
    case DET_SYNC_UNLOCK:
    case DET_SYNC_READ_LOCK:
    case DET_SYNC_READ_UNLOCK:
    case DET_SYNC_RELOCK: sync_with_lock(r, l, (uint32_t)e->object); break;
    default:
        if (e->object) l->of = DET_SYNC_OF_ADDRESS;
        l->addr = e->object;
    }
    det_stack_read(e->pc ? det_stack_push(e->node, e->pc) : e->node, &l->stack);
}
static void gather_last_syncs(struct det_strand *s, struct det_report *r, const struct det_race *race)
{
    struct det_synced e;
    bool or_later;
    det_history_newest(s, &e);
    gather_sync(r, &r->side[0], &e, false);
    const struct det_strand_record *who = det_strand_record(race->strand);
    if (who && det_history_find(who, &race->earlier, race->number, &e, &or_later))
        gather_sync(r, &r->side[1], &e, or_later);
}
// Where the earlier access began: its stamp names the same cells around the race.
static void earlier_extent(const struct det_race *race, struct det_side *side)
{
    const size_t size = race->earlier.size;
    side->addr = race->addr;
    side->size = size ? size : race->size;
    if (size > 1 && (size & (size - 1)) == 0) { // natural alignment, unless it does not cover the race
        const uintptr_t aligned = race->addr & ~(uintptr_t)(size - 1);
        if (aligned + size >= race->addr + race->size) side->addr = aligned;
    }
}
void det_race_deliver(struct det_strand *s, const struct det_current *now, const struct det_race *race)
{
    struct gathered *g = take_gathered();
    struct det_report *r = &g->report;
    r->strands = g->strands;
    r->locks = g->locks;
    r->kind =
        now->origin == DET_BY_FREE || race->earlier.origin == DET_BY_FREE ? DET_REPORT_FREE_RACE : DET_REPORT_RACE;
    r->addr = race->addr;
    r->size = race->size;

    struct det_side *mine = &r->side[0], *theirs = &r->side[1];
    mine->strand = det_report_strand(r, s->record->id);
    mine->kind = now->kind;
    mine->origin = now->origin;
    mine->addr = now->addr;
    mine->size = now->size;
    uint32_t node;
    det_stack_read(det_site_of(s, now->pc, &node), &mine->stack);
    gather_held(r, mine, s->held.chain);

    theirs->strand = det_report_strand(r, race->strand);
    theirs->kind = (enum det_kind)race->earlier.kind;
    theirs->origin = (enum det_origin)race->earlier.origin;
    earlier_extent(race, theirs);
    det_stack_read(race->earlier.site, &theirs->stack);
    gather_held(r, theirs, race->earlier.chain);

    uint32_t who;
    if (det_location_find(race->addr, &r->location, &who)) r->location.strand = det_report_strand(r, who);
    gather_last_syncs(s, r, race);
    det_report_creators(r, STRANDS);
    det_deliver(s, r);
    give_gathered(g);
}
