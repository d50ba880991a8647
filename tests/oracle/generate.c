// generate.c: random legal streams.
// Each stream has a temper of its own: how many strands, which kinds of events and how often, how small its memory
// is, how often an access that races is let through. Few streams are all noise: in most the generator asks the
// oracle and drops nearly every access that would race, so that histories get long before their first race. Memory is
// tiny, so that strands meet; it lies at the bottom, in the middle, at the top of the address space or across the
// border of two chunks.
#include "generate.h"
#include "oracle.h"

#include <string.h>

enum group {
    GROUP_ACCESS,
    GROUP_LOOP,
    GROUP_RANGE,
    GROUP_ATOMIC,
    GROUP_FENCE,
    GROUP_SYNC,
    GROUP_LOCK,
    GROUP_COND,
    GROUP_BARRIER,
    GROUP_HEAP,
    GROUP_IGNORE,
    GROUP_CALL,
    GROUP_LIFE,
    GROUPS
};
static const uint8_t usual_weight[GROUPS] = {30, 5, 3, 12, 3, 8, 14, 4, 3, 5, 1, 5, 5};

enum { PAGE = 4096 };
static const uintptr_t bases[] = {
    0x10000,        0x100000,       0x555555554000, 0x2aaaaaaab000,
    0x7f1200000000, 0x7fffffe00000, 0x10000000,     0x7f1204000000, // the last two: borders of chunks of 64 MiB
};
enum { BASES = sizeof bases / sizeof *bases, BORDERS = 2 };

static struct generator {
    struct rng r;
    struct world world;
    struct oracle oracle;
    struct stream *s;
    uint32_t weight[GROUPS], total_weight;
    uint32_t target;      // events
    uint32_t max_running; // strands at once
    uint32_t nlocks, nconds, nbarriers, nsyncs, natomics, nblocks;
    uintptr_t memory, syncs; // where accesses go; where locks and other objects are
    uint32_t memory_size;
    uint32_t stick;     // percent: the same strand again
    uint32_t tolerance; // percent of racy accesses that are let through
    uint32_t writes;    // percent
    uint16_t born;      // strands so far
    struct event last;  // the last access
} g;

static uint32_t below(uint32_t n) { return rng_below(&g.r, n); }
static bool chance(uint32_t percent) { return rng_chance(&g.r, percent); }
static uint32_t between(uint32_t lo, uint32_t hi) { return lo + below(hi - lo + 1); }

// ---- emitting --------------------------------------------------------------------------------------------------

static bool accesses(enum op op)
{
    return (op >= OP_READ && op <= OP_RANGE_WRITE) || op == OP_FREE || (op >= OP_LOAD && op <= OP_RMW);
}
// Adds the event if it is legal, and if it is no race that this stream does not want.
static bool emit(struct event e)
{
    if (g.s->n == g.target || !world_legal(&g.world, &e)) return false;
    if (!e.pc) e.pc = 0x400000 + 16 * g.s->n + 5;
    const bool at_end = g.s->n > g.target - g.target / 5;
    if (accesses(e.op) && !at_end && oracle_would_race(&g.oracle, &g.world, &e) && !chance(g.tolerance)) return false;
    oracle_step(&g.oracle, &g.world, &e);
    world_apply(&g.world, &e);
    g.s->e[g.s->n++] = e;
    return true;
}
static uintptr_t nth(uint32_t first, uint32_t i) { return g.syncs + 64 * (first + i); }
static uintptr_t a_lock(uint32_t i) { return nth(0, i); }
static uintptr_t a_cond(void) { return nth(8, below(g.nconds)); }
static uintptr_t a_barrier(void) { return nth(12, below(g.nbarriers)); }
static uintptr_t a_sync(void) { return nth(16, below(g.nsyncs)); }

// ---- memory ----------------------------------------------------------------------------------------------------

// A site that many accesses of a strand share, or 0: one of its own.
static uintptr_t a_site(uint16_t strand, enum op op, size_t size)
{
    return chance(40) ? 0x800000 + ((strand * 4u + (uintptr_t)op % 4) * 32 + size) * 16 + 9 : 0;
}
static void access(uint16_t strand)
{
    struct event e = {.op = chance(g.writes) ? OP_WRITE : OP_READ, .strand = strand};
    if (g.last.size && chance(30)) { // what was touched last, by whom ever
        e.addr = g.last.addr;
        e.size = g.last.size;
    } else {
        e.size = chance(70) ? 1u << below(5) : between(1, 16);
        if (e.size > g.memory_size) e.size = 1;
        e.addr = g.memory + below(g.memory_size - (uint32_t)e.size + 1);
        if (chance(70)) e.addr -= e.addr % (e.size >= 16 ? 8 : e.size & -e.size);
        if (e.addr < g.memory) e.addr = g.memory;
    }
    e.pc = a_site(strand, e.op, e.size);
    g.last = e;
    emit(e);
}
// A loop over neighbours, from one site.
static void loop(uint16_t strand)
{
    struct event e = {.op = chance(g.writes) ? OP_WRITE : OP_READ, .strand = strand, .size = 1u << below(4)};
    e.addr = g.memory + below(g.memory_size);
    e.pc = 0x800000 + ((strand * 4u + (uintptr_t)e.op % 4) * 32 + e.size) * 16 + 9;
    for (uint32_t i = between(2, 8); i-- && e.addr + e.size <= g.memory + g.memory_size; e.addr += e.size) emit(e);
}
static void range(uint16_t strand)
{
    struct event e = {.op = chance(g.writes) ? OP_RANGE_WRITE : OP_RANGE_READ, .strand = strand};
    if (chance(50)) {
        e.addr = g.memory + below(g.memory_size);
        e.size = below((uint32_t)(g.memory + g.memory_size - e.addr) + 1);
    } else { // whole pages around the memory, their borders now and then missed by a little
        e.addr = (g.memory & -(uintptr_t)PAGE) - PAGE * below(2) + (chance(30) ? below(64) : 0);
        e.size = PAGE / 2 * between(1, 6) - (chance(30) ? below(64) : 0);
    }
    emit(e);
}
static void atomic(uint16_t strand)
{
    static const int loads[] = {__ATOMIC_RELAXED, __ATOMIC_RELAXED, __ATOMIC_CONSUME, __ATOMIC_ACQUIRE,
                                __ATOMIC_SEQ_CST};
    static const int stores[] = {__ATOMIC_RELAXED, __ATOMIC_RELAXED, __ATOMIC_RELEASE, __ATOMIC_RELEASE,
                                 __ATOMIC_SEQ_CST};
    static const int rmws[] = {__ATOMIC_RELAXED, __ATOMIC_CONSUME, __ATOMIC_ACQUIRE,
                               __ATOMIC_RELEASE, __ATOMIC_ACQ_REL, __ATOMIC_SEQ_CST};
    struct event e = {.op = (enum op)(OP_LOAD + below(3)), .strand = strand, .size = 1u << below(5)};
    e.order = e.op == OP_LOAD ? loads[below(5)] : e.op == OP_STORE ? stores[below(5)] : rmws[below(6)];
    if (chance(15)) { // anywhere among the plain accesses
        e.addr = (g.memory + below(g.memory_size)) & -e.size;
        if (e.addr < g.memory) return;
    } else { // two adjacent ones are two objects
        e.addr = nth(32, below(g.natomics) / 4) + 8 * below(4);
        if (e.size > 8) e.size = 4;
    }
    emit(e);
}
static void fence(uint16_t strand)
{
    static const int orders[] = {__ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_ACQ_REL, __ATOMIC_SEQ_CST};
    emit((struct event){.op = OP_FENCE, .strand = strand, .order = orders[below(4)]});
}
static const struct world_object *a_block(void)
{
    const uint32_t first = g.world.nobjects ? below(g.world.nobjects) : 0;
    for (uint32_t i = 0; i < g.world.nobjects; i++) {
        const struct world_object *o = &g.world.object[(first + i) % g.world.nobjects];
        if (o->kind == OBJECT_BLOCK) return o;
    }
    return NULL;
}
static void heap(uint16_t strand)
{
    struct event e = {.op = OP_ALLOC, .strand = strand};
    const struct world_object *block = a_block();
    if (chance(50)) {
        e.addr = g.memory + (below(g.memory_size) & ~15u);
        e.size = chance(90) ? between(1, 48) : between(1, 3 * PAGE);
        if (chance(15)) { // one that holds a lock or an atomic
            e.addr = nth(0, below(40));
            e.size = between(1, 64);
        }
    } else if (block && chance(80)) {
        e.op = OP_FREE;
        e.addr = block->addr;
    } else if (chance(20)) {
        e.op = OP_FREE; // of what is perhaps no block
        e.addr = g.memory + (below(g.memory_size) & ~15u);
    } else {
        e.op = OP_UNMAP;
        e.addr = chance(80) ? g.memory + (below(g.memory_size) & ~7u) : nth(0, below(40));
        e.size = 8 * between(1, 8);
        if (chance(20)) {
            e.addr &= -(uintptr_t)PAGE;
            e.size = PAGE * between(1, 2);
        }
    }
    emit(e);
}

// ---- synchronisation -------------------------------------------------------------------------------------------

static void sync(uint16_t strand)
{
    struct event e = {.op = chance(50) ? OP_ACQUIRE : OP_RELEASE, .strand = strand, .addr = a_sync()};
    e.flags = e.addr / 64 % 2 ? DET_MUST : 0;
    if (e.op == OP_RELEASE && chance(25)) e.flags |= DET_SET;
    if (chance(20)) e.op = OP_PASS;
    if (e.op == OP_PASS) e.flags &= DET_MUST;
    if (chance(4)) {
        e.op = OP_SYNC_DESTROY;
        e.flags = 0;
    }
    emit(e);
}
// Locks 0, 3, 6: plain; 1, 4: recursive; 2, 5: read-write.
static int flags_of(uint32_t i) { return i % 3 == 1 ? DET_LOCK_RECURSIVE : i % 3 == 2 ? DET_LOCK_RW : DET_LOCK_SPIN; }
static void take(uint16_t strand, uint32_t i)
{
    const int flags = (i % 3 == 2 && chance(60) ? DET_LOCK_READ : 0) | (chance(20) ? DET_LOCK_TRY : 0);
    struct event e = {.op = OP_REQUEST, .strand = strand, .addr = a_lock(i), .flags = flags};
    if (i % 3 != 1 && !(flags & DET_LOCK_READ) && world_held(&g.world.strand[strand], e.addr)) return;
    struct event got = e;
    got.op = OP_LOCK;
    if (chance(90) && !(flags & DET_LOCK_TRY)) { // seldom wait for a lock that is taken
        got.flags |= DET_LOCK_TRY;
        if (!world_legal(&g.world, &got)) return;
        got.flags = flags;
    }
    if (emit(e) && chance(80)) emit(got);
}
static void lock(uint16_t strand)
{
    const struct world_strand *s = &g.world.strand[strand];
    const uint32_t i = below(g.nlocks);
    if (chance(6)) {
        const enum op op = chance(50) ? OP_LOCK_CREATE : OP_LOCK_DESTROY;
        emit((struct event){
            .op = op, .strand = strand, .addr = a_lock(i), .flags = op == OP_LOCK_CREATE ? flags_of(i) : 0});
    } else if (s->nheld && chance(s->nheld > 1 ? 75 : 40)) {
        const struct held *h = &s->held[below(s->nheld)]; // in any order
        emit((struct event){.op = OP_UNLOCK, .strand = strand, .addr = h->lock, .flags = h->read ? DET_LOCK_READ : 0});
    } else {
        take(strand, i);
    }
}
static void cond(uint16_t strand)
{
    const struct world_strand *s = &g.world.strand[strand];
    struct event e = {.op = OP_SIGNAL, .strand = strand, .addr = a_cond()};
    if (s->nheld && chance(40)) {
        e.op = OP_WAIT_BEGIN;
        e.mutex = s->held[below(s->nheld)].lock;
    } else if (chance(3)) {
        e.op = OP_COND_DESTROY;
    } else {
        e.flags = chance(50) ? FLAG_ALL : 0;
    }
    emit(e);
}
static void barrier(uint16_t strand)
{
    struct event e = {.op = OP_BARRIER_ENTER, .strand = strand, .addr = a_barrier()};
    const struct world_object *b = world_find(&g.world, OBJECT_BARRIER, e.addr);
    if (!b) {
        e.op = OP_BARRIER_INIT;
        e.size = between(1, g.world.running < 4 ? g.world.running : 4);
    } else if (chance(6)) {
        e.op = OP_BARRIER_DESTROY;
    }
    emit(e);
}
// What a strand that waits for something can do next.
static void go_on(uint16_t strand)
{
    const struct world_strand *s = &g.world.strand[strand];
    struct event e = {.strand = strand};
    if (s->wants) {
        e.op = OP_LOCK;
        e.addr = s->wants;
        e.flags = s->wants_read ? DET_LOCK_READ : 0;
    } else if (s->cond) {
        e.op = OP_WAIT_END;
        e.addr = s->cond;
        e.mutex = s->mutex;
        e.flags = chance(70) ? FLAG_WOKEN : 0;
    } else {
        e.op = OP_BARRIER_LEAVE;
        e.addr = s->barrier;
    }
    emit(e);
}

// ---- strands ---------------------------------------------------------------------------------------------------

static bool pick(enum strand_state state, uint16_t *out)
{
    const uint32_t first = below(MAX_STRANDS);
    for (uint32_t i = 0; i < MAX_STRANDS; i++) {
        *out = (uint16_t)((first + i) % MAX_STRANDS);
        if (g.world.strand[*out].state == state) return true;
    }
    return false;
}
static void life(uint16_t strand)
{
    uint16_t other;
    const bool room = g.born < MAX_STRANDS && g.world.running < g.max_running;
    if (chance(35) && pick(STRAND_CREATED, &other)) {
        if (chance(8))
            emit((struct event){.op = OP_ABANDON, .strand = strand, .other = other});
        else
            emit((struct event){.op = OP_START, .strand = other});
    } else if (room && chance(50)) {
        const bool root = g.s->n < 30 && chance(20); // a sweep forgets what a later root does not know
        other = g.born;
        struct event e = {.op = root ? OP_ROOT : OP_CREATE, .strand = root ? other : strand, .other = root ? 0 : other};
        if (emit(e)) {
            g.born++;
            if (chance(80)) emit((struct event){.op = OP_START, .strand = other});
        }
    } else if (chance(40) && pick(STRAND_FINISHED, &other)) {
        emit((struct event){.op = chance(85) ? OP_JOIN : OP_DETACH, .strand = strand, .other = other});
    } else if (chance(10) && pick(STRAND_RUNNING, &other)) {
        emit((struct event){.op = OP_DETACH, .strand = strand, .other = other});
    } else if (chance(40) && g.world.running > 2) {
        emit((struct event){.op = OP_FINISH, .strand = strand});
    }
}
static void call(uint16_t strand)
{
    const struct world_strand *s = &g.world.strand[strand];
    const uintptr_t top = 0x7f0000100000 + 0x100000 * (uintptr_t)strand;
    if (chance(5) && s->depth)
        emit((struct event){.op = OP_UNWIND, .strand = strand, .addr = s->frame_sp[below(s->depth)]});
    else if (s->depth && chance(45))
        emit((struct event){.op = OP_EXIT, .strand = strand});
    else
        emit((struct event){.op = OP_ENTER,
                            .strand = strand,
                            .addr = (s->depth ? s->frame_sp[s->depth - 1] : top) - 16 * between(1, 4),
                            .pc = 0x600000 + 16 * below(5) + 5});
}
static void ignore(uint16_t strand)
{
    emit((struct event){.op = g.world.strand[strand].ignore && chance(80) ? OP_UNIGNORE : OP_IGNORE, .strand = strand});
}

// ---- the whole -------------------------------------------------------------------------------------------------

static void (*const groups[GROUPS])(uint16_t strand) = {
    [GROUP_ACCESS] = access,   [GROUP_LOOP] = loop, [GROUP_RANGE] = range, [GROUP_ATOMIC] = atomic,
    [GROUP_FENCE] = fence,     [GROUP_SYNC] = sync, [GROUP_LOCK] = lock,   [GROUP_COND] = cond,
    [GROUP_BARRIER] = barrier, [GROUP_HEAP] = heap, [GROUP_CALL] = call,   [GROUP_IGNORE] = ignore,
    [GROUP_LIFE] = life,
};

static void choose_temper(uint64_t seed)
{
    static const uint8_t factors[] = {0, 1, 1, 3, 8};
    const bool wide = seed % 64 == 63; // more strands than a flat clock holds
    g.target = wide ? between(800, 1800) : chance(80) ? between(20, 500) : between(500, 1800);
    g.max_running = wide ? 200 : between(2, 8);
    for (int i = 0; i < GROUPS; i++) {
        g.weight[i] = usual_weight[i] * (chance(50) ? 1u : factors[below(5)]);
        if (i == GROUP_ACCESS) g.weight[i] += 5;
        if (i == GROUP_LIFE) g.weight[i] = wide ? 100 : g.weight[i] + 1;
        g.total_weight += g.weight[i];
    }
    if (seed % 4 == 2) { // mostly locks, so that cycles come
        g.target = between(20, 300);
        g.total_weight += 200;
        g.weight[GROUP_LOCK] += 200;
    }
    g.nlocks = seed % 4 == 2 ? between(2, 6) : between(1, 6);
    g.nconds = between(1, 3);
    g.nbarriers = between(1, 3);
    g.nsyncs = between(1, 6);
    g.natomics = between(1, 12);
    const uint32_t at = below(BASES);
    g.memory_size = 8u << below(6);
    g.memory = bases[at] + (at >= BASES - BORDERS ? -(uintptr_t)(g.memory_size / 2) : chance(50) ? 0 : 8 * below(512));
    g.syncs = (bases[at] & -(uintptr_t)PAGE) + 16 * PAGE;
    g.stick = below(90);
    g.tolerance = (uint32_t[]){0, 1, 5, 100}[below(4)];
    g.writes = between(10, 90);
}
static void choose_config(uint64_t seed)
{
    g.s->max_time = seed % 5 == 1 || seed % 5 == 3 ? 7 : 0;
    g.s->stamp_limit = seed % 5 == 2 || seed % 5 == 3 ? 64 : 0;
    g.s->c20 = seed % 5 == 4;
}
static enum group choose_group(void)
{
    uint32_t at = below(g.total_weight);
    for (int i = 0;; i++) {
        if (at < g.weight[i]) return (enum group)i;
        at -= g.weight[i];
    }
}
void generate(uint64_t seed, struct stream *s)
{
    memset(&g.world, 0, sizeof g.world);
    g.r.state = seed * 0x2545f4914f6cdd1du;
    g.s = s;
    g.total_weight = 0;
    g.last = (struct event){0};
    s->n = 0;
    choose_config(seed);
    choose_temper(seed);
    oracle_init(&g.oracle, s->c20);
    emit((struct event){.op = OP_ROOT});
    emit((struct event){.op = OP_START});
    g.born = 1;
    uint16_t strand = 0;
    for (uint32_t tries = 0; s->n < g.target && tries < 20 * g.target; tries++) {
        if (!chance(g.stick) || g.world.strand[strand].state != STRAND_RUNNING) pick(STRAND_RUNNING, &strand);
        if (world_free_to_act(&g.world.strand[strand]))
            groups[choose_group()](strand);
        else
            go_on(strand);
        if (!g.world.running) break;
    }
}
