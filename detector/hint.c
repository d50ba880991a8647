// detector/hint.c: one line on the likely mend, from the facts of the report and nothing else.
#include "detector/print.h"

static bool is_atomic(const struct det_side *s) { return s->kind & 2; }
static bool is_write(const struct det_side *s) { return s->kind & 1; }
static const struct det_side *side_by(const struct det_report *r, enum det_origin origin)
{
    for (int i = 0; i < 2; i++)
        if (r->side[i].origin == origin) return &r->side[i];
    return NULL;
}
// A lock that both sides hold; NULL: none.
static const struct det_held *common_lock(const struct det_report *r)
{
    const struct det_side *a = &r->side[0], *b = &r->side[1];
    for (uint32_t i = 0; i < a->nheld; i++)
        for (uint32_t k = 0; k < b->nheld; k++)
            if (a->held[i].lock == b->held[k].lock) return &a->held[i];
    return NULL;
}
static unsigned lock_id(const struct det_report *r, const struct det_held *h) { return r->locks[h->lock].id; }

static void hint_locks(struct base_buf *out, const struct det_report *r)
{
    const struct det_side *a = &r->side[0], *b = &r->side[1];
    const struct det_held *common = common_lock(r);
    if (common)
        base_putf(out, "both sides hold M%u, but only for reading: a side that writes must hold it for writing",
                  lock_id(r, common));
    else if (a->nheld && b->nheld)
        base_putf(out, "both sides hold a lock, but not the same one (M%u here, M%u there): agree on one for this data",
                  lock_id(r, &a->held[0]), lock_id(r, &b->held[0]));
    else if (a->nheld || b->nheld)
        base_putf(out, "only the %s side holds a lock: take M%u on the other side too, or one that both share",
                  a->nheld ? "first" : "second", lock_id(r, a->nheld ? &a->held[0] : &b->held[0]));
    else if (r->location.where == DET_WHERE_STACK)
        base_puts(out, "a thread uses another one's stack: wait for it (join) before the variable is used again or "
                       "goes away, or guard it with a mutex");
    else
        base_puts(out, "neither side holds a lock: guard both with one mutex, make both atomic, or order them "
                       "(join, condition variable, semaphore)");
}
// The symboliser joins the names of bit-fields that share a byte by '|'.
static bool in_bit_fields(const struct det_global *g)
{
    for (const char *p = g->member; *p; p++)
        if (*p == '|') return true;
    return false;
}
static void hint_race(struct base_buf *out, const struct det_report *r, const struct det_global *g)
{
    const struct det_side *a = &r->side[0], *b = &r->side[1];
    if (side_by(r, DET_BY_FREE))
        base_puts(out, "nothing makes sure that the other thread is done with the block before it is freed: join it, "
                       "or count references under a lock");
    else if (side_by(r, DET_BY_MALLOC))
        base_puts(out,
                  "the block reached the other thread without synchronisation: hand the pointer over under a lock, "
                  "or by a release store that is read by an acquire load");
    else if (is_atomic(a) != is_atomic(b))
        base_putf(out, "one side is atomic and the other is not: make the %s %s atomic too",
                  is_atomic(a) ? "earlier" : "later", is_write(is_atomic(a) ? b : a) ? "write" : "read");
    else if (in_bit_fields(g) && !common_lock(r))
        base_puts(out,
                  "bit-fields that share a byte are one memory location, and writing one rewrites the others: guard "
                  "all of them with one mutex, or make them members of their own");
    else
        hint_locks(out, r);
}
static void hint_cycle(struct base_buf *out, const struct det_report *r)
{
    const struct det_edge *e = &r->edges[0];
    base_putf(out, "take these locks in one order everywhere, for example M%u before M%u", r->locks[e->from].id,
              r->locks[e->to].id);
    if (r->nedges > 2) base_puts(out, " and so on");
}
void det_hint(struct base_buf *out, const struct det_report *r, const struct det_global *global)
{
    if (r->kind == DET_REPORT_LOCK_CYCLE)
        hint_cycle(out, r);
    else
        hint_race(out, r, global);
}
