#include "feed.h"

#include "detector/strand.h"

#include <string.h>

static enum mutant mutant;
static struct det_strand *strands[MAX_STRANDS];
static uint16_t name_of[MAX_STRANDS]; // by det_strand_id
static uint32_t ncreated;
static uint64_t tokens[MAX_STRANDS]; // of the barrier that the strand is in
static struct {
    uintptr_t addr;
    size_t size;
} blocks[4 * MAX_OBJECTS]; // live ones, to know what det_free must answer
enum lightness feed_lightness;
enum { CARRIERS = 3 };
static struct det_strand *carriers[CARRIERS]; // of light strands
static uint32_t first_id;                     // of the stream's strands
static struct found founds[MAX_FOUND];
static uint32_t nfounds;

// ---- what the detector finds -----------------------------------------------------------------------------------

static void copy_side(struct found_side *to, const struct det_side *from, const struct det_report *r)
{
    *to = (struct found_side){.kind = from->kind, .origin = from->origin, .addr = from->addr, .size = from->size};
    const uint32_t id = r->strands[from->strand].id - first_id;
    to->strand = id < ncreated ? name_of[id] : MAX_STRANDS;
    for (uint32_t i = 0; i < from->stack.n && i <= MAX_DEPTH; i++) to->pc[to->depth++] = from->stack.pc[i];
    for (uint32_t i = 0; i < from->nheld && i < MAX_HELD; i++)
        to->held[to->nheld++] = (struct found_held){r->locks[from->held[i].lock].addr, from->held[i].read};
}
static void copy_edge(struct found *to, const struct det_edge *from, const struct det_report *r)
{
    if (to->nedges == MAX_OBJECTS) return;
    const uint32_t id = r->strands[from->strand].id - first_id;
    to->edge[to->nedges++] = (struct found_edge){.from = r->locks[from->from].addr,
                                                 .to = r->locks[from->to].addr,
                                                 .from_read = from->from_read,
                                                 .to_read = from->to_read,
                                                 .strand = id < ncreated ? name_of[id] : MAX_STRANDS};
}
static void sink(struct det_report *r, void *ctx)
{
    (void)ctx;
    if (nfounds == MAX_FOUND) return;
    struct found *f = &founds[nfounds++];
    *f = (struct found){.kind = r->kind, .addr = r->addr, .size = r->size, .cycle_class = r->cycle_class};
    if (r->kind == DET_REPORT_LOCK_CYCLE)
        for (uint32_t i = 0; i < r->nedges; i++) copy_edge(f, &r->edges[i], r);
    else
        for (int i = 0; i < 2; i++) copy_side(&f->side[i], &r->side[i], r);
}

// ---- faults on purpose -----------------------------------------------------------------------------------------

bool mutant_parse(const char *name, enum mutant *out)
{
    static const char *const names[] = {
#define X(name, percent) #name,
        MUTANTS(X)
#undef X
    };
    for (int i = 0; i < MUTANT_COUNT; i++)
        if (!strcmp(name, names[i])) {
            *out = (enum mutant)i;
            return true;
        }
    return false;
}
static bool is_access(const struct event *e) { return e->op >= OP_READ && e->op <= OP_RANGE_WRITE; }
// Changes e as the mutant wants; false: the event is lost.
static bool mutate(struct event *e)
{
    static const uint8_t percent[] = {
#define X(name, percent) percent,
        MUTANTS(X)
#undef X
    };
    struct rng r = {e->pc}; // by pc, so that it stays when other events are dropped
    if (mutant == MUTANT_none || !rng_chance(&r, percent[mutant])) return true;
    const bool atomic = e->op == OP_LOAD || e->op == OP_STORE || e->op == OP_RMW;
    switch (mutant) {
    case MUTANT_lost_release:
        if (e->op == OP_RELEASE) return false;
        if (e->op == OP_STORE) e->order = __ATOMIC_RELAXED;
        break;
    case MUTANT_lost_acquire:
        if (e->op == OP_ACQUIRE) return false;
        if (e->op == OP_LOAD) e->order = __ATOMIC_RELAXED;
        break;
    case MUTANT_extra_acquire:
        if (atomic && e->op != OP_STORE && e->order == __ATOMIC_RELAXED) e->order = __ATOMIC_ACQUIRE;
        break;
    case MUTANT_lost_access: return !is_access(e);
    case MUTANT_short_access:
        if (is_access(e) && e->size > 1) e->size--;
        break;
    case MUTANT_read_for_write:
        if (e->op == OP_WRITE) e->op = OP_READ;
        break;
    case MUTANT_atomic_for_plain:
        if (e->op == OP_READ || e->op == OP_WRITE) {
            e->op = e->op == OP_READ ? OP_LOAD : OP_STORE;
            e->order = __ATOMIC_RELAXED;
        }
        break;
    case MUTANT_lost_free: return e->op != OP_FREE;
    case MUTANT_lost_exit: return e->op != OP_EXIT;
    case MUTANT_lost_request: return e->op != OP_REQUEST;
    case MUTANT_extra_request:
        if (e->op == OP_REQUEST) e->flags &= ~DET_LOCK_TRY;
        break;
    default: break;
    }
    return true;
}

// ---- what the detector is given --------------------------------------------------------------------------------

// As the __tsan_* entries do it: the inlined test where the access is aligned, else the general one.
static void access(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (size == 1)
        det_access(s, pc, addr, 1, kind);
    else if (size == 2 && addr % 2 == 0)
        det_access(s, pc, addr, 2, kind);
    else if (size == 4 && addr % 4 == 0)
        det_access(s, pc, addr, 4, kind);
    else if (size == 8 && addr % 8 == 0)
        det_access(s, pc, addr, 8, kind);
    else if (size == 16 && addr % 8 == 0)
        det_access(s, pc, addr, 16, kind);
    else
        det_access_slow(s, pc, addr, size, kind);
}
static void atomic(struct det_strand *s, const struct event *e)
{
    static const enum det_op what[] = {DET_OP_LOAD, DET_OP_STORE, DET_OP_RMW};
    struct det_atomic op;
    det_atomic_begin(s, e->pc, e->addr, (uint32_t)e->size, &op);
    det_atomic_end(s, &op, what[e->op - OP_LOAD], e->order);
}
static bool is_light(uint16_t name)
{
    return feed_lightness == LIGHT_ALL || (feed_lightness == LIGHT_HALF && name % 2 == 0);
}
// One that has it already, or had it last, now and then; else another.
static void carry(const struct event *e)
{
    struct rng r = {e->pc ^ e->addr << 20 ^ e->strand};
    struct det_strand *s = strands[e->strand], *to = carriers[rng_below(&r, CARRIERS)];
    for (int i = 0; i < CARRIERS; i++)
        if (carriers[i] != to && carriers[i]->carrier->strand == s) det_strand_carry(carriers[i], carriers[i]);
    det_strand_carry(to, s);
}
static uintptr_t end_of(uint16_t name) { return 0x7e0000000000 + 16u * name; } // a sync object
static const char *create(struct det_strand *parent, uint16_t child, uintptr_t pc)
{
    struct det_strand *s =
        is_light(child) ? det_strand_create_light(parent, pc, child + 1u) : det_strand_create(parent, pc);
    if (!s) return "det_strand_create gave no strand";
    strands[child] = s;
    name_of[ncreated] = child;
    return det_strand_id(s) - first_id == ncreated++ ? NULL : "the strand's id is not its number in order of creation";
}
static const char *life(struct det_strand *s, struct det_strand *child, const struct event *e)
{
    switch (e->op) {
    case OP_CREATE: return create(s, e->other, e->pc);
    case OP_ROOT: return create(NULL, e->strand, e->pc);
    case OP_START: det_strand_start(s, 1000 + e->strand, 0, 0); break;
    case OP_FINISH:
        if (is_light(e->strand)) det_release(s, e->pc, end_of(e->strand), DET_MUST);
        det_strand_finish(s);
        break;
    case OP_JOIN:
        if (is_light(e->other))
            det_acquire(s, e->pc, end_of(e->other), DET_MUST);
        else
            det_strand_join(s, e->pc, child);
        break;
    case OP_DETACH:
        if (!is_light(e->other)) det_strand_detach(s, child);
        break;
    default: det_strand_abandon(s, child); break;
    }
    return NULL;
}
static const char *heap(struct det_strand *s, const struct event *e)
{
    if (e->op == OP_ALLOC) {
        det_alloc(s, e->pc, e->addr, e->size);
    } else if (e->op == OP_UNMAP) {
        det_unmap(s, e->addr, e->size);
    } else {
        const bool known = det_free(s, e->pc, e->addr);
        for (int i = 0; i < 4 * MAX_OBJECTS; i++)
            if (blocks[i].size && blocks[i].addr == e->addr) {
                blocks[i].size = 0;
                return known ? NULL : "det_free does not know a live block";
            }
        return known ? "det_free knows a block that is not there" : NULL;
    }
    for (int i = 0; i < 4 * MAX_OBJECTS; i++) { // an unmapped block is none any more
        if (blocks[i].size && blocks[i].addr - e->addr < e->size) blocks[i].size = 0;
    }
    for (int i = 0; i < 4 * MAX_OBJECTS && e->op == OP_ALLOC; i++)
        if (!blocks[i].size) {
            blocks[i].addr = e->addr;
            blocks[i].size = e->size;
            break;
        }
    return NULL;
}
static void waiting(struct det_strand *s, const struct event *e)
{
    switch (e->op) {
    case OP_WAIT_BEGIN:
        det_cond_wait_begin(s, e->pc, e->addr);
        det_lock_release(s, e->pc, e->mutex, DET_LOCK_COND);
        break;
    case OP_WAIT_END:
        det_cond_wait_end(s, e->pc, e->addr, e->flags & FLAG_WOKEN);
        det_lock_request(s, e->pc, e->mutex, DET_LOCK_COND);
        det_lock_acquired(s, e->pc, e->mutex, DET_LOCK_COND);
        break;
    case OP_SIGNAL: det_cond_signal(s, e->pc, e->addr, e->flags & FLAG_ALL); break;
    case OP_COND_DESTROY: det_cond_destroy(s, e->pc, e->addr); break;
    case OP_BARRIER_INIT: det_barrier_init(s, e->pc, e->addr, (uint32_t)e->size); break;
    case OP_BARRIER_ENTER: tokens[e->strand] = det_barrier_enter(s, e->pc, e->addr); break;
    case OP_BARRIER_LEAVE: det_barrier_leave(s, e->pc, e->addr, tokens[e->strand]); break;
    default: det_barrier_destroy(s, e->pc, e->addr); break;
    }
}

void feed_begin(const struct stream *s, enum mutant m)
{
    static bool started;
    if (started) det_reset();
    started = true;
    mutant = m;
    ncreated = 0;
    memset(blocks, 0, sizeof blocks);
    memset(strands, 0, sizeof strands);
    const struct det_config cfg = {.stamp_limit = s->stamp_limit,
                                   .max_time = s->max_time,
                                   .report_races = true,
                                   .detect_deadlocks = true,
                                   .report_atomic_races = true,
                                   .memory_model_c20 = s->c20};
    det_init(&cfg, sink, NULL);
    first_id = feed_lightness ? CARRIERS : 0;
    for (uint32_t i = 0; i < first_id; i++) {
        carriers[i] = det_strand_create(NULL, 0);
        det_strand_start(carriers[i], 1, 0, 0);
        det_strand_carry(carriers[i], carriers[i]);
    }
}
const char *feed(const struct event *given, const struct found **found, uint32_t *nfound)
{
    struct event copy = *given;
    const struct event *e = &copy;
    struct det_strand *s = strands[e->strand];
    const char *wrong = NULL;
    nfounds = 0;
    *found = founds;
    *nfound = 0;
    if (!mutate(&copy)) return NULL;
    if (s && is_light(e->strand) && e->op != OP_ROOT) carry(e);
    switch (e->op) {
    case OP_CREATE ... OP_ABANDON: wrong = life(s, strands[e->other], e); break;
    case OP_READ: access(s, e->pc, e->addr, e->size, DET_READ); break;
    case OP_WRITE: access(s, e->pc, e->addr, e->size, DET_WRITE); break;
    case OP_RANGE_READ: det_range(s, e->pc, e->addr, e->size, DET_READ); break;
    case OP_RANGE_WRITE: det_range(s, e->pc, e->addr, e->size, DET_WRITE); break;
    case OP_ENTER: det_func_enter(s, e->pc, e->addr); break;
    case OP_EXIT: det_func_exit(s); break;
    case OP_UNWIND: det_func_unwind(s, e->addr); break;
    case OP_IGNORE: det_ignore_begin(s); break;
    case OP_UNIGNORE: det_ignore_end(s); break;
    case OP_LOAD:
    case OP_STORE:
    case OP_RMW: atomic(s, e); break;
    case OP_FENCE: det_fence(s, e->pc, e->order); break;
    case OP_ACQUIRE: det_acquire(s, e->pc, e->addr, e->flags); break;
    case OP_PASS: det_pass(s, e->pc, e->addr, e->flags); break;
    case OP_RELEASE: det_release(s, e->pc, e->addr, e->flags); break;
    case OP_SYNC_DESTROY: det_sync_destroy(s, e->pc, e->addr); break;
    case OP_LOCK_CREATE: det_lock_create(s, e->pc, e->addr, e->flags); break;
    case OP_LOCK_DESTROY: det_lock_destroy(s, e->pc, e->addr); break;
    case OP_REQUEST: det_lock_request(s, e->pc, e->addr, e->flags); break;
    case OP_LOCK: det_lock_acquired(s, e->pc, e->addr, e->flags); break;
    case OP_UNLOCK: det_lock_release(s, e->pc, e->addr, e->flags); break;
    case OP_ALLOC ... OP_UNMAP: wrong = heap(s, e); break;
    default: waiting(s, e); break;
    }
    *nfound = nfounds;
    return wrong;
}
