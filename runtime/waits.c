// waits.c: what a goroutine waits at, for people: which object, where it was made, who could have woken it.
//
// Who could: goroutines that have a pointer to the object on their stacks, but for those that wait there for the same. It is a
// hint: one may have the pointer elsewhere, and one that has it may not mean to use it. So only stacks that are at rest are looked at.
//
// A channel remembers where it was made in 16 bits that its header has to spare: a place in a table of call sites. The table is not
// cleared, and when it is full new sites have no number.
#include "runtime/waits.h"

#include "runtime/chan.h"
#include "runtime/sched.h"
#include "runtime/where.h"

enum { SITES = 1 << 14, REACH = 16, NAMED = 8, MANY = 2000, CASES = 16, WORDS = 128 << 10 };

// ---- call sites ------------------------------------------------------------------------------------------------------------

static uintptr_t sites[SITES]; // atomic: 0 -> pc once

uint16_t rv__site_of(uintptr_t pc)
{
    uint32_t at = (uint32_t)(pc * 0x9e3779b97f4a7c15u >> 50);
    for (int i = 0; i < REACH; i++, at++) {
        uintptr_t *const s = &sites[at % SITES], seen = base_load_relaxed(s); // relaxed: the pc is all there is
        if (seen == pc || (seen == 0 && (base_cas_relaxed(s, &seen, pc) || seen == pc)))
            return (uint16_t)(at % SITES + 1);
    }
    return 0;
}
uintptr_t rv__site_pc(uint16_t site) { return site ? base_load_relaxed(&sites[site - 1]) : 0; }

// ---- the object ------------------------------------------------------------------------------------------------------------

static void put_place(struct base_buf *out, uintptr_t pc)
{
    const struct rv__where w = rv__where(pc - 1);
    base_putf(out, " made by %.200s()\n", w.function ? w.function : "?");
    if (w.module) base_putf(out, "\t\t%.500s+0x%lx\n", w.module, w.offset);
}
static void put_channel(struct base_buf *out, const rv_chan *ch, bool send)
{
    base_putf(out, "\twaits to %s a channel (elements of %u bytes, %lu of %lu there)",
              send ? "send to" : "receive from", ch->elem_size, ch->n, ch->capacity);
    if (ch->site)
        put_place(out, rv__site_pc(ch->site));
    else
        base_puts(out, "\n");
}
static const struct rv__g *on_stack_of(uintptr_t at)
{
    for (const struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b;
         b = b->next) // acquire: pairs with make_block
        for (uint64_t i = 0; i < b->n; i++)
            if (base_load_relaxed(&b->gs[i].state) != RV__FREE &&
                at - b->gs[i].stack.lo < b->gs[i].stack.hi - b->gs[i].stack.lo)
                return &b->gs[i];
    return NULL;
}
static void put_other(struct base_buf *out, const struct rv__g *g)
{
    const uintptr_t at = (uintptr_t)g->object;
    const struct rv__g *const owner = on_stack_of(at);
    base_putf(out, "\twaits at 0x%lx", at);
    if (owner) {
        base_putf(out, ", a local variable of goroutine %lu", owner->id);
    } else {
        const struct rv__where w = rv__where_object(at);
        if (w.function) base_putf(out, ", the global %.200s", w.function);
    }
    base_puts(out, "\n");
}
static size_t size_of(const struct rv__g *g)
{
    switch (g->why) {
    case RV__WHY_WAITGROUP: return sizeof(rv_waitgroup);
    case RV__WHY_RLOCK:
    case RV__WHY_RWLOCK: return sizeof(rv_rwmutex);
    case RV__WHY_SEM: return sizeof(rv_sem);
    case RV__WHY_COND: return sizeof(rv_cond);
    case RV__WHY_MUTEX: return sizeof(rv_mutex);
    default: return 1; // a channel's handle is exact
    }
}

// ---- who could have woken it -----------------------------------------------------------------------------------------------

static bool has_pointer(const struct rv__g *g, uintptr_t at, size_t size)
{
    const uint8_t state = base_load_relaxed(&g->state);
    if ((state != RV__WAITING && state != RV__RUNNABLE) || base_load_relaxed(&g->on_cpu)) return false;
    if (g->context.pc == 0) return (uintptr_t)g->arg - at < size;
    const uintptr_t *p = (const void *)(g->context.sp & ~(uintptr_t)7), *const end = (const void *)g->stack.hi;
    for (size_t n = 0; p < end && n < WORDS; p++, n++)
        if (*p - at < size) return true;
    return g->context.fp - at < size;
}
static bool waits_likewise(const struct rv__g *a, const struct rv__g *b)
{
    return base_load_relaxed(&a->state) == RV__WAITING && a->object == b->object && a->why == b->why && a->object;
}
static void put_wakers(struct base_buf *out, const struct rv__g *g, uintptr_t at, size_t size)
{
    uint32_t n = 0;
    if (!at || rv_num_goroutine() > MANY) return;
    base_puts(out, "\tcould have woken it: ");
    for (const struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: as in on_stack_of
        for (uint64_t i = 0; i < b->n; i++) {
            const struct rv__g *const o = &b->gs[i];
            if (o == g || waits_likewise(o, g) || !has_pointer(o, at, size) || n++ >= NAMED) continue;
            base_putf(out, "%sgoroutine %lu (%s)", n > 1 ? ", " : "", o->id,
                      base_load_relaxed(&o->state) == RV__WAITING ? rv__why_text[o->why] : "runnable");
        }
    if (n > NAMED) base_putf(out, ", and %u more", n - NAMED);
    base_puts(out, n ? "\n" : "no other goroutine has a pointer to it on its stack\n");
}
static void put_select(struct base_buf *out, const struct rv__g *g)
{
    rv_chan *ch;
    bool send;
    for (int i = 0; i < CASES && rv__select_at(g->select, i, &ch, &send); i++) {
        if (!ch) continue;
        put_channel(out, ch, send);
        put_wakers(out, g, (uintptr_t)ch, 1);
    }
}
void rv__waits_put(struct base_buf *out, const struct rv__g *g)
{
    if (base_load_relaxed(&g->state) != RV__WAITING) return;
    switch (g->why) {
    case RV__WHY_SELECT: put_select(out, g); return;
    case RV__WHY_CHAN_SEND:
    case RV__WHY_CHAN_RECV: put_channel(out, g->object, g->why == RV__WHY_CHAN_SEND); break;
    default:
        if (!g->object) return;
        put_other(out, g);
    }
    put_wakers(out, g, (uintptr_t)g->object, size_of(g));
}
