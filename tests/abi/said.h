// said.h: a detector that writes down the last event it was told, and the strand that its entries run on.
#ifndef TESTS_ABI_SAID_H
#define TESTS_ABI_SAID_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "instrument/ins.h"

static struct {
    int n; // events since it was last set to 0
    struct det_strand *s;
    uintptr_t pc, addr;
    size_t size;
    enum det_kind kind;
    bool range;
} said;

static uint64_t seed;
__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("failed (seed %lu): ", (unsigned long)seed);
    vprintf(fmt, ap);
    putchar('\n');
    exit(1);
}
static uint64_t state;
static void seed_from_clock(void)
{
    const char *given = getenv("SEED"); // the seed that a failure printed
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    seed = given ? strtoull(given, NULL, 0) : (uint64_t)t.tv_nsec ^ (uint64_t)t.tv_sec << 20;
    state = seed;
}
static uint64_t rnd(uint64_t below) // splitmix64
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

// ---- what abi.c links against ----------------------------------------------------------------------------------

struct det_strand {
    struct det_strand_hot hot;
};
struct det_strand det_nobody;
__thread struct det_strand *det_tls = &det_nobody;
uintptr_t det_chunks[DET_CHUNK_COUNT];

static void tell(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind, bool range)
{
    const int n = said.n + 1;
    memset(&said, 0, sizeof said);
    said.n = n, said.s = s, said.pc = pc, said.addr = addr, said.size = size, said.kind = kind, said.range = range;
}
void det_access_slow(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    if (size == 0 || size > 16) fail("det_access_slow takes 1 to 16 bytes, not %zu", size);
    tell(s, pc, addr, size, kind, false);
}
void det_range(struct det_strand *s, uintptr_t pc, uintptr_t addr, size_t size, enum det_kind kind)
{
    tell(s, pc, addr, size, kind, true);
}
void det_acquire(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    tell(s, pc, addr, 0, (enum det_kind)flags, false);
}
void det_release(struct det_strand *s, uintptr_t pc, uintptr_t addr, int flags)
{
    tell(s, pc, addr, 0, (enum det_kind)flags, false);
}
void det_ignore_begin(struct det_strand *s) { tell(s, 0, 0, 0, DET_READ, false); }
void det_ignore_end(struct det_strand *s) { tell(s, 0, 0, 0, DET_READ, false); }
void ins_start(void) {}

static struct det_strand strand;
static struct det_frame frames[100];
static int attached; // how often, since detach
static bool can_attach = true;
COLD struct det_strand *ins_attach(void)
{
    attached++;
    if (can_attach) det_tls = &strand;
    return det_tls;
}

// ---- for the test ------------------------------------------------------------------------------------------------

static struct det_strand *me(void) { return &strand; }
static struct det_strand_hot *hot(void) { return &strand.hot; }
static void new_strand(uint32_t lo, uint32_t n)
{
    det_hot_set(&strand.hot, lo, n);
    strand.hot.frame = strand.hot.frame_lo = frames;
    strand.hot.frame_end = frames + sizeof frames / sizeof *frames;
    det_tls = &strand;
}
static void detach(bool then_attach)
{
    det_tls = &det_nobody;
    attached = 0;
    can_attach = then_attach;
    said.n = 0;
}
// Calls fn(arg) and returns the address that the call returned to.
__attribute__((noinline)) static void *call_and_tell(void (*fn)(void *), void *arg)
{
    void *after;
    __asm__ volatile("lea 1f(%%rip), %%r12\n\tsub $128, %%rsp\n\tcall *%2\n1:\tadd $128, %%rsp\n\tmov %%r12, %0"
                     : "=r"(after), "+D"(arg)
                     : "r"(fn)
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "xmm0", "xmm1", "xmm2", "xmm3",
                       "xmm4", "xmm5", "xmm6", "xmm7", "memory", "cc");
    return after;
}

// ---- the entries ---------------------------------------------------------------------------------------------------

#define DECLARE(n)                                                                                                     \
    void __tsan_read##n(void *), __tsan_write##n(void *), __tsan_read_write##n(void *),                                \
        __tsan_volatile_read##n(void *), __tsan_volatile_write##n(void *), __tsan_unaligned_read##n(void *),           \
        __tsan_unaligned_write##n(void *), __tsan_unaligned_read_write##n(void *),                                     \
        __tsan_unaligned_volatile_read##n(void *), __tsan_unaligned_volatile_write##n(void *),                         \
        __tsan_read##n##_pc(void *, void *), __tsan_write##n##_pc(void *, void *);
DECLARE(1)
DECLARE(2)
DECLARE(4)
DECLARE(8)
DECLARE(16)
void __tsan_read_range(void *, unsigned long), __tsan_write_range(void *, unsigned long);
void __tsan_read_range_pc(void *, unsigned long, void *), __tsan_write_range_pc(void *, unsigned long, void *);
void __tsan_vptr_read(void *), __tsan_vptr_update(void **, void *);
void __tsan_func_entry(void *), __tsan_func_exit(void);
void *__tsan_memcpy(void *, const void *, size_t), *__tsan_memmove(void *, const void *, size_t);
void *__tsan_memset(void *, int, size_t);

#endif
