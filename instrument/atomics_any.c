// atomics_any.c: atomic objects of any size and alignment: what compilers leave to libatomic.
//
// Structures of 3 or 32 bytes, 16 bytes where the compiler was not allowed cmpxchg16b. Instrumentation does not touch
// these calls, so without our own definitions what they order would go unseen, and be reported. They are libatomic's
// names and take precedence over it in the whole process, so every user of an object meets the same lock. Where the
// size has instructions they are used, as libatomic and atomics.c do. The forms named for a size exist for 16 bytes
// only: compilers know themselves what to do with less.
#include "base/lock.h"
#include "instrument/atomic_raw.h"
#include "instrument/copy.h"
#include "instrument/ins.h"

enum { LOCKS = 64 };
static struct base_lock locks[LOCKS];
static struct base_lock *lock_of(const void *mem)
{
    return &locks[((uintptr_t)mem >> 3 ^ (uintptr_t)mem >> 9) % LOCKS];
}

#define WIDTHS(F) F(1, a8) F(2, a16) F(4, a32) F(8, a64) F(16, a128)
// The instruction width for an object, 0: none.
static size_t width_of(size_t size, const void *mem)
{
    return size <= 16 && (size & (size - 1)) == 0 && ((uintptr_t)mem & (size - 1)) == 0 ? size : 0;
}
static bool equal(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i]) return false;
    return true;
}

// ---- the operations themselves -------------------------------------------------------------------------------

static void raw_load(size_t size, void *mem, void *out)
{
    switch (width_of(size, mem)) {
#define CASE(n, type)                                                                                                  \
    case n: {                                                                                                          \
        const type v = raw_load_##type(mem);                                                                           \
        ins_move(out, &v, n);                                                                                          \
        return;                                                                                                        \
    }
        WIDTHS(CASE)
#undef CASE
    default:
        base_lock(lock_of(mem));
        ins_move(out, mem, size);
        base_unlock(lock_of(mem));
    }
}
static void raw_exchange(size_t size, void *mem, const void *in, void *out) // out NULL: a store
{
    switch (width_of(size, mem)) {
#define CASE(n, type)                                                                                                  \
    case n: {                                                                                                          \
        type v;                                                                                                        \
        ins_move(&v, in, n);                                                                                           \
        v = raw_exchange_##type(mem, v);                                                                               \
        if (out) ins_move(out, &v, n);                                                                                 \
        return;                                                                                                        \
    }
        WIDTHS(CASE)
#undef CASE
    default:
        base_lock(lock_of(mem));
        if (out) ins_move(out, mem, size);
        ins_move(mem, in, size);
        base_unlock(lock_of(mem));
    }
}
// On failure *seen becomes what was there.
static bool raw_cas(size_t size, void *mem, void *seen, const void *in)
{
    switch (width_of(size, mem)) {
#define CASE(n, type)                                                                                                  \
    case n: {                                                                                                          \
        type was, v;                                                                                                   \
        ins_move(&was, seen, n);                                                                                       \
        ins_move(&v, in, n);                                                                                           \
        const bool done = raw_cas_##type(mem, &was, v);                                                                \
        if (!done) ins_move(seen, &was, n);                                                                            \
        return done;                                                                                                   \
    }
        WIDTHS(CASE)
#undef CASE
    default:
        base_lock(lock_of(mem));
        const bool done = equal(mem, seen, size);
        if (done)
            ins_move(mem, in, size);
        else
            ins_move(seen, mem, size);
        base_unlock(lock_of(mem));
        return done;
    }
}

// ---- the names: compilers have their own idea of functions called __atomic_load, so they go by another here ---------

#define NAMED(name) __asm__("__atomic_" name)
INTERFACE void ins_atomic_load(size_t size, void *mem, void *out, int mo) NAMED("load");
INTERFACE void ins_atomic_store(size_t size, void *mem, void *in, int mo) NAMED("store");
INTERFACE void ins_atomic_exchange(size_t size, void *mem, void *in, void *out, int mo) NAMED("exchange");
INTERFACE bool ins_atomic_cas(size_t size, void *mem, void *seen, void *in, int mo, int fail) NAMED("compare_exchange");
INTERFACE a128 ins_atomic_load_16(void *mem, int mo) NAMED("load_16");
INTERFACE void ins_atomic_store_16(void *mem, a128 v, int mo) NAMED("store_16");
INTERFACE bool ins_atomic_cas_16(void *mem, void *seen, a128 v, int mo, int fail) NAMED("compare_exchange_16");

void ins_atomic_load(size_t size, void *mem, void *out, int mo)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, (uint32_t)size, &op);
    raw_load(size, mem, out);
    det_atomic_end(s, &op, DET_OP_LOAD, order_of(mo));
}
void ins_atomic_store(size_t size, void *mem, void *in, int mo)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, (uint32_t)size, &op);
    raw_exchange(size, mem, in, NULL);
    det_atomic_end(s, &op, DET_OP_STORE, order_of(mo));
}
void ins_atomic_exchange(size_t size, void *mem, void *in, void *out, int mo)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, (uint32_t)size, &op);
    raw_exchange(size, mem, in, out);
    det_atomic_end(s, &op, DET_OP_RMW, order_of(mo));
}
bool ins_atomic_cas(size_t size, void *mem, void *seen, void *in, int mo, int fail)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, (uint32_t)size, &op);
    const bool done = raw_cas(size, mem, seen, in);
    det_atomic_end(s, &op, done ? DET_OP_RMW : DET_OP_LOAD, order_of(done ? mo : fail));
    return done;
}

a128 ins_atomic_load_16(void *mem, int mo)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, 16, &op);
    const a128 v = raw_load_a128(mem);
    det_atomic_end(s, &op, DET_OP_LOAD, order_of(mo));
    return v;
}
void ins_atomic_store_16(void *mem, a128 v, int mo)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, 16, &op);
    raw_store_a128(mem, v, order_of(mo));
    det_atomic_end(s, &op, DET_OP_STORE, order_of(mo));
}
bool ins_atomic_cas_16(void *mem, void *seen, a128 v, int mo, int fail)
{
    ins_point();
    struct det_strand *s = ins_self();
    struct det_atomic op;
    det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, 16, &op);
    const bool done = raw_cas(16, mem, seen, &v);
    det_atomic_end(s, &op, done ? DET_OP_RMW : DET_OP_LOAD, order_of(done ? mo : fail));
    return done;
}
// Each fetch operation in its two forms: what was there, and what is there now.
#define FETCH(name, op_name, raw, now)                                                                                 \
    INTERFACE a128 ins_atomic_##name##_16(void *mem, a128 v, int mo) NAMED(op_name "_16");                             \
    a128 ins_atomic_##name##_16(void *mem, a128 v, int mo)                                                             \
    {                                                                                                                  \
        ins_point();                                                                                                   \
        struct det_strand *s = ins_self();                                                                             \
        struct det_atomic op;                                                                                          \
        det_atomic_begin(s, CALLER_PC, (uintptr_t)mem, 16, &op);                                                       \
        const a128 old = raw_##raw##_a128(mem, v);                                                                     \
        det_atomic_end(s, &op, DET_OP_RMW, order_of(mo));                                                              \
        return (now);                                                                                                  \
    }
FETCH(exchange, "exchange", exchange, old)
FETCH(fetch_add, "fetch_add", fetch_add, old)
FETCH(fetch_sub, "fetch_sub", fetch_sub, old)
FETCH(fetch_and, "fetch_and", fetch_and, old)
FETCH(fetch_or, "fetch_or", fetch_or, old)
FETCH(fetch_xor, "fetch_xor", fetch_xor, old)
FETCH(fetch_nand, "fetch_nand", fetch_nand, old)
FETCH(add_fetch, "add_fetch", fetch_add, old + v)
FETCH(sub_fetch, "sub_fetch", fetch_sub, old - v)
FETCH(and_fetch, "and_fetch", fetch_and, old &v)
FETCH(or_fetch, "or_fetch", fetch_or, old | v)
FETCH(xor_fetch, "xor_fetch", fetch_xor, old ^ v)
FETCH(nand_fetch, "nand_fetch", fetch_nand, ~(old &v))
