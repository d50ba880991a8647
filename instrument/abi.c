// abi.c: the calls that compilers put into code built with -fsanitize=thread, except atomics (atomics.c).
//
// Every access of the program comes through here, so each entry is the same-epoch test (event_inline.h) and a jump.
//   (1) An entry has no frame and calls nothing: on a miss it jumps to a function of its own, which therefore finds
//       the program's return address where CALLER_PC looks. That takes optimisation; CMake always gives this file -O2.
//   (2) A thread that is no strand yet always misses, and is attached in the slow half.
//   (3) Nothing here reads the memory that is accessed: it may fault, and the program is to fault itself, afterwards.
//       vptr_update and the memory functions are the exceptions that their meaning demands.
// tests/abi disassembles the entries and holds them to (1) and to a number of instructions.
//
// volatile is no synchronisation, so volatile accesses are plain ones; compound accesses (read and write at once)
// are writes.
#include "instrument/ins.h"
#include "instrument/copy.h"

INTERFACE void __tsan_init(void) { ins_start(); }

// ---- the slow half of an access ------------------------------------------------------------------------------

enum { SPAN_MAX = 16, WHOLE_MAX = 1 << 16 };

static inline void enter(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (size <= SPAN_MAX)
        det_access_slow(s, pc, addr, size, kind);
    else
        det_range(s, pc, addr, size, kind);
}
static NOINLINE void attach_and_enter(uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    struct det_strand *s = ins_attach();
    if (s != &det_nobody) enter(s, pc, addr, size, kind);
}
ALWAYS_INLINE bool in_one_chunk(uintptr_t addr, size_t size)
{
    return (addr ^ (addr + size - 1)) >> DET_CHUNK_BITS == 0;
}
// Exact for 1 to 16 bytes at any address: each cell's part of them.
static inline bool parts_hit(struct det_strand *s, uintptr_t addr, size_t size, enum det_kind kind)
{
    const uint32_t *c = det_cell(addr);
    if (unlikely(!c || !in_one_chunk(addr, size))) return false;
    struct det_strand_hot *h = (struct det_strand_hot *)s;
    for (uint32_t bytes = ((1u << size) - 1) << (addr & 3); bytes; bytes >>= 4, c += 2)
        if (bytes & 15 & ~(det_mine(h, c, kind) >> DET_INDEX_BITS) && !(kind == DET_READ && det_seen(h, c)))
            return false;
    return true;
}
static NOINLINE void span_miss(uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    struct det_strand *s = det_self();
    if (size <= SPAN_MAX && parts_hit(s, addr, size, kind)) return;
    if (unlikely(s == &det_nobody))
        attach_and_enter(pc, addr, size, kind);
    else
        enter(s, pc, addr, size, kind);
}
// An aligned read of cells that others read too.
ALWAYS_INLINE bool shared_read_hit(struct det_strand *s, uintptr_t addr, size_t size)
{
    struct det_strand_hot *h = (struct det_strand_hot *)s;
    const uint32_t *c = det_cell(addr);
    if (unlikely(!c)) return false;
    for (const uint32_t *end = c + (size + 3) / 4 * 2; c != end; c += 2)
        if (!det_seen(h, c) && !(size > 4 && det_hit4(h, c, DET_READ))) return false;
    return true;
}
ALWAYS_INLINE void word_miss(uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    struct det_strand *s = det_self();
    // A pointer that is not aligned as its type promises is common enough in C not to be slow for ever.
    if (unlikely((addr & (size < 8 ? size - 1 : 7)) || (size > 8 && !in_one_chunk(addr, size))))
        span_miss(pc, addr, size, kind);
    else if (unlikely(s == &det_nobody))
        attach_and_enter(pc, addr, size, kind);
    else if (kind == DET_WRITE || !shared_read_hit(s, addr, size))
        det_access_slow(s, pc, addr, size, kind);
}

// ---- spans: any address, up to 64 KiB ------------------------------------------------------------------------

// Mostly the bytes beside the access, in its first and last cell, have been touched as well. So whole cells are
// tested here, which is quick, and the parts where that misses.
ALWAYS_INLINE bool span_hit(const struct det_strand *s, uintptr_t addr, size_t size, enum det_kind kind)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)s;
    const uintptr_t base = det_shadow_base(addr), in_cell = addr & 3;
    if (unlikely(!base || !in_one_chunk(addr, size))) return false;
    const uint32_t *c = (const uint32_t *)(base + 2 * (addr - in_cell));
    size_t cells = (in_cell + size + 3) / 4;
    for (; cells >= 2; cells -= 2, c += 4)
        if (!det_hit8(h, c, kind)) return false;
    return cells == 0 || det_hit4(h, c, kind);
}
ALWAYS_INLINE void range(uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (likely(size - 1 < WHOLE_MAX && span_hit(det_self(), addr, size, kind))) return;
    if (size != 0) span_miss(pc, addr, size, kind);
}

// ---- accesses ------------------------------------------------------------------------------------------------

#define ALIAS(name, of) INTERFACE void name(void *addr) __attribute__((alias(#of)));
#define ENTRY(name, size, kind, hit, miss)                                                                             \
    static NOINLINE void name##_miss(uintptr_t addr) { miss(CALLER_PC, addr, size, kind); }                            \
    INTERFACE void name(void *addr)                                                                                    \
    {                                                                                                                  \
        if (likely(hit(det_self(), (uintptr_t)addr, size, kind))) return;                                              \
        name##_miss((uintptr_t)addr);                                                                                  \
    }
#define SIZE(n)                                                                                                        \
    ENTRY(__tsan_read##n, n, DET_READ, det_hit, word_miss)                                                             \
    ENTRY(__tsan_write##n, n, DET_WRITE, det_hit, word_miss)                                                           \
    ALIAS(__tsan_read_write##n, __tsan_write##n)                                                                       \
    ALIAS(__tsan_volatile_read##n, __tsan_read##n)                                                                     \
    ALIAS(__tsan_volatile_write##n, __tsan_write##n)                                                                   \
    INTERFACE void __tsan_read##n##_pc(void *addr, void *pc)                                                           \
    {                                                                                                                  \
        if (unlikely(!det_hit(det_self(), (uintptr_t)addr, n, DET_READ)))                                              \
            word_miss((uintptr_t)pc, (uintptr_t)addr, n, DET_READ);                                                    \
    }                                                                                                                  \
    INTERFACE void __tsan_write##n##_pc(void *addr, void *pc)                                                          \
    {                                                                                                                  \
        if (unlikely(!det_hit(det_self(), (uintptr_t)addr, n, DET_WRITE)))                                             \
            word_miss((uintptr_t)pc, (uintptr_t)addr, n, DET_WRITE);                                                   \
    }
#define UNALIGNED(n)                                                                                                   \
    ENTRY(__tsan_unaligned_read##n, n, DET_READ, span_hit, span_miss)                                                  \
    ENTRY(__tsan_unaligned_write##n, n, DET_WRITE, span_hit, span_miss)                                                \
    ALIAS(__tsan_unaligned_read_write##n, __tsan_unaligned_write##n)                                                   \
    ALIAS(__tsan_unaligned_volatile_read##n, __tsan_unaligned_read##n)                                                 \
    ALIAS(__tsan_unaligned_volatile_write##n, __tsan_unaligned_write##n)

SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)
SIZE(16)
UNALIGNED(2)
UNALIGNED(4)
UNALIGNED(8)
UNALIGNED(16)
// clang names these too, though a byte is always aligned.
ALIAS(__tsan_unaligned_read1, __tsan_read1)
ALIAS(__tsan_unaligned_write1, __tsan_write1)
ALIAS(__tsan_unaligned_read_write1, __tsan_write1)
ALIAS(__tsan_unaligned_volatile_read1, __tsan_read1)
ALIAS(__tsan_unaligned_volatile_write1, __tsan_write1)

// gcc: what has another size or a lesser alignment.
INTERFACE void __tsan_read_range(void *addr, unsigned long size) { range(CALLER_PC, (uintptr_t)addr, size, DET_READ); }
INTERFACE void __tsan_write_range(void *addr, unsigned long size)
{
    range(CALLER_PC, (uintptr_t)addr, size, DET_WRITE);
}
INTERFACE void __tsan_read_range_pc(void *addr, unsigned long size, void *pc)
{
    range((uintptr_t)pc, (uintptr_t)addr, size, DET_READ);
}
INTERFACE void __tsan_write_range_pc(void *addr, unsigned long size, void *pc)
{
    range((uintptr_t)pc, (uintptr_t)addr, size, DET_WRITE);
}

// Loads and stores that a program makes through sanitizer/common_interface_defs.h.
#define UNALIGNED_PUBLIC(bits, n)                                                                                      \
    INTERFACE uint##bits##_t __sanitizer_unaligned_load##bits(const void *addr)                                        \
    {                                                                                                                  \
        range(CALLER_PC, (uintptr_t)addr, n, DET_READ);                                                                \
        return ((const struct ins_word##n *)addr)->v;                                                                  \
    }                                                                                                                  \
    INTERFACE void __sanitizer_unaligned_store##bits(void *addr, uint##bits##_t v)                                     \
    {                                                                                                                  \
        range(CALLER_PC, (uintptr_t)addr, n, DET_WRITE);                                                               \
        ((struct ins_word##n *)addr)->v = v;                                                                           \
    }
UNALIGNED_PUBLIC(16, 2)
UNALIGNED_PUBLIC(32, 4)
UNALIGNED_PUBLIC(64, 8)

// ---- C++ virtual table pointers --------------------------------------------------------------------------------

ALIAS(__tsan_vptr_read, __tsan_read8)
static NOINLINE void vptr_update_miss(uintptr_t addr) { word_miss(CALLER_PC, addr, 8, DET_WRITE); }
// Constructors and destructors of a class whose bases share its table store the value that is there already.
INTERFACE void __tsan_vptr_update(void **addr, void *value)
{
    if (base_load_relaxed(addr) == value) return; // relaxed: what the program is about to do to it is plain
    if (likely(det_hit(det_self(), (uintptr_t)addr, 8, DET_WRITE))) return;
    vptr_update_miss((uintptr_t)addr);
}

// ---- functions -----------------------------------------------------------------------------------------------

static NOINLINE void func_entry_miss(uintptr_t pc, uintptr_t sp)
{
    struct det_strand *s = ins_self();
    if (s != &det_nobody) det_func_enter(s, pc, sp);
}
INTERFACE void __tsan_func_entry(void *pc)
{
    // The stack pointer as it is after the return: the same that a setjmp in that function saves.
    uintptr_t sp;
    __asm__("lea 8(%%rsp), %0" : "=r"(sp)); // no frame: see (1)
    if (unlikely(!det_func_room(det_self()))) {
        func_entry_miss((uintptr_t)pc, sp);
        return;
    }
    det_func_enter(det_self(), (uintptr_t)pc, sp);
}
INTERFACE void __tsan_func_exit(void) { det_func_exit(det_self()); }

INTERFACE void __tsan_ignore_thread_begin(void) { det_ignore_begin(ins_self()); }
INTERFACE void __tsan_ignore_thread_end(void) { det_ignore_end(ins_self()); }

// ---- memory functions: clang calls these for its own copies and fills, struct assignments among them --------------

INTERFACE void *__tsan_memcpy(void *to, const void *from, size_t n)
{
    range(CALLER_PC, (uintptr_t)to, n, DET_WRITE);
    range(CALLER_PC, (uintptr_t)from, n, DET_READ);
    ins_move(to, from, n);
    return to;
}
INTERFACE void *__tsan_memmove(void *to, const void *from, size_t n) __attribute__((alias("__tsan_memcpy")));
INTERFACE void *__tsan_memset(void *to, int c, size_t n)
{
    range(CALLER_PC, (uintptr_t)to, n, DET_WRITE);
    ins_fill(to, c, n);
    return to;
}

// ---- what programs call by hand --------------------------------------------------------------------------------

INTERFACE void __tsan_acquire(void *addr) { det_acquire(ins_self(), CALLER_PC, (uintptr_t)addr, 0); }
INTERFACE void __tsan_release(void *addr) { det_release(ins_self(), CALLER_PC, (uintptr_t)addr, 0); }
// Asks ThreadSanitizer to give shadow memory back. The detector's sweeps do that unasked.
INTERFACE void __tsan_flush_memory(void) {}
