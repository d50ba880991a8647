// entries_test.c: each entry of instrument/abi.c against a detector that only writes down what it is told.
//
// The same-epoch test is compared with its definition, byte by byte, on random shadow: an entry that keeps silent
// although a byte was not touched in this epoch would lose a race. The shadow here is the test's own.
#include "tests/abi/said.h"

#define PLAIN(F, kind_r, kind_w)                                                                                       \
    F(__tsan_read1, 1, kind_r, WORD)                                                                                   \
    F(__tsan_read2, 2, kind_r, WORD)                                                                                   \
    F(__tsan_read4, 4, kind_r, WORD)                                                                                   \
    F(__tsan_read8, 8, kind_r, WORD)                                                                                   \
    F(__tsan_read16, 16, kind_r, WORD)                                                                                 \
    F(__tsan_write1, 1, kind_w, WORD)                                                                                  \
    F(__tsan_write2, 2, kind_w, WORD)                                                                                  \
    F(__tsan_write4, 4, kind_w, WORD)                                                                                  \
    F(__tsan_write8, 8, kind_w, WORD)                                                                                  \
    F(__tsan_write16, 16, kind_w, WORD)                                                                                \
    F(__tsan_read_write1, 1, kind_w, WORD)                                                                             \
    F(__tsan_read_write2, 2, kind_w, WORD)                                                                             \
    F(__tsan_read_write4, 4, kind_w, WORD)                                                                             \
    F(__tsan_read_write8, 8, kind_w, WORD)                                                                             \
    F(__tsan_read_write16, 16, kind_w, WORD)                                                                           \
    F(__tsan_volatile_read1, 1, kind_r, WORD)                                                                          \
    F(__tsan_volatile_read2, 2, kind_r, WORD)                                                                          \
    F(__tsan_volatile_read4, 4, kind_r, WORD)                                                                          \
    F(__tsan_volatile_read8, 8, kind_r, WORD)                                                                          \
    F(__tsan_volatile_read16, 16, kind_r, WORD)                                                                        \
    F(__tsan_volatile_write1, 1, kind_w, WORD)                                                                         \
    F(__tsan_volatile_write2, 2, kind_w, WORD)                                                                         \
    F(__tsan_volatile_write4, 4, kind_w, WORD)                                                                         \
    F(__tsan_volatile_write8, 8, kind_w, WORD)                                                                         \
    F(__tsan_volatile_write16, 16, kind_w, WORD)                                                                       \
    F(__tsan_vptr_read, 8, kind_r, WORD)                                                                               \
    F(__tsan_unaligned_read1, 1, kind_r, SPAN)                                                                         \
    F(__tsan_unaligned_read2, 2, kind_r, SPAN)                                                                         \
    F(__tsan_unaligned_read4, 4, kind_r, SPAN)                                                                         \
    F(__tsan_unaligned_read8, 8, kind_r, SPAN)                                                                         \
    F(__tsan_unaligned_read16, 16, kind_r, SPAN)                                                                       \
    F(__tsan_unaligned_write1, 1, kind_w, SPAN)                                                                        \
    F(__tsan_unaligned_write2, 2, kind_w, SPAN)                                                                        \
    F(__tsan_unaligned_write4, 4, kind_w, SPAN)                                                                        \
    F(__tsan_unaligned_write8, 8, kind_w, SPAN)                                                                        \
    F(__tsan_unaligned_write16, 16, kind_w, SPAN)                                                                      \
    F(__tsan_unaligned_read_write1, 1, kind_w, SPAN)                                                                   \
    F(__tsan_unaligned_read_write2, 2, kind_w, SPAN)                                                                   \
    F(__tsan_unaligned_read_write4, 4, kind_w, SPAN)                                                                   \
    F(__tsan_unaligned_read_write8, 8, kind_w, SPAN)                                                                   \
    F(__tsan_unaligned_read_write16, 16, kind_w, SPAN)                                                                 \
    F(__tsan_unaligned_volatile_read1, 1, kind_r, SPAN)                                                                \
    F(__tsan_unaligned_volatile_read2, 2, kind_r, SPAN)                                                                \
    F(__tsan_unaligned_volatile_read4, 4, kind_r, SPAN)                                                                \
    F(__tsan_unaligned_volatile_read8, 8, kind_r, SPAN)                                                                \
    F(__tsan_unaligned_volatile_read16, 16, kind_r, SPAN)                                                              \
    F(__tsan_unaligned_volatile_write1, 1, kind_w, SPAN)                                                               \
    F(__tsan_unaligned_volatile_write2, 2, kind_w, SPAN)                                                               \
    F(__tsan_unaligned_volatile_write4, 4, kind_w, SPAN)                                                               \
    F(__tsan_unaligned_volatile_write8, 8, kind_w, SPAN)                                                               \
    F(__tsan_unaligned_volatile_write16, 16, kind_w, SPAN)

// A WORD entry that is aligned may miss what only the parts of its cells together cover; a SPAN entry is exact.
enum exactness { WORD, SPAN };
static const struct entry {
    const char *name;
    void (*call)(void *);
    int size;
    enum det_kind kind;
    enum exactness exactness;
} entries[] = {
#define F(name, size, kind, exactness) {#name, name, size, kind, exactness},
    PLAIN(F, DET_READ, DET_WRITE)
#undef F
};

// ---- shadow ------------------------------------------------------------------------------------------------

enum { LO = 1000, N = 50, AREA = 4096 };
static const uintptr_t chunk = (uintptr_t)1 << DET_CHUNK_BITS;
static uintptr_t area; // AREA bytes of an address range that is never accessed, across the end of a chunk

static uint32_t *shadow_of(uintptr_t addr)
{
    return (uint32_t *)(det_chunks[addr >> DET_CHUNK_BITS] + 2 * (addr & ~(uintptr_t)3));
}
static void make_shadow(void)
{
    const uintptr_t end = (uintptr_t)5 << 40;
    area = end - AREA / 2;
    for (uintptr_t at = end - chunk; at <= end; at += chunk) {
        char *p =
            mmap(NULL, 2 * chunk + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) fail("no memory");
        for (size_t i = 0; i < 4096; i += 4) *(uint32_t *)(p + 2 * chunk + i) = 0xf0000000u | LO; // a trap: not shadow
        det_chunks[at >> DET_CHUNK_BITS] = (uintptr_t)p - 2 * at;
    }
}
static uint32_t random_word(int style)
{
    const uint32_t near[] = {
        LO - 1, LO, LO + N - 1, LO + N, 0, DET_INDEX_MASK, LO + (uint32_t)rnd(N), (uint32_t)rnd(1 << 28)};
    const uint32_t mine = LO + (uint32_t)rnd(N);
    const uint32_t index = style == 0 || rnd(4) == 0 ? near[rnd(8)] : mine;
    const uint32_t mask = style == 2 ? 15 : (uint32_t)rnd(16);
    return mask << DET_INDEX_BITS | index;
}
// Style 0: anything; 1: mostly this epoch's, masks of all kinds; 2: mostly this epoch's and whole.
static void fill_shadow(int style)
{
    for (uintptr_t a = area; a < area + AREA; a += 4) {
        for (int side = 0; side < 2; side++) shadow_of(a)[side] = random_word(style);
        if (rnd(4) == 0) { // a record: some I have read in, some not
            shadow_of(a)[0] = 1 + (uint32_t)rnd(6);
            shadow_of(a)[1] = 0;
        }
        if (rnd(20) == 0) shadow_of(a)[0] = shadow_of(a)[1] = 0;
    }
    det_seen_forget(hot());
    for (uint64_t record = 1; record < 7; record++)
        if (rnd(2)) *det_seen_place(hot(), record) = ~record;
}
static bool have_seen(const uint32_t *c)
{
    const uint64_t cell = c[0] | (uint64_t)c[1] << 32;
    return cell != 0 && *det_seen_place(hot(), cell) == ~cell;
}

// ---- the definition ------------------------------------------------------------------------------------------

static bool names_me(uint32_t word, unsigned byte)
{
    const uint32_t index = word & DET_INDEX_MASK;
    return index >= LO && index < LO + N && (word >> DET_INDEX_BITS >> byte & 1);
}
static bool byte_is_mine(uintptr_t a, enum det_kind kind)
{
    const uint32_t *c = shadow_of(a);
    return names_me(c[0], a & 3) || (kind == DET_READ && (names_me(c[1], a & 3) || have_seen(c)));
}
static bool all_mine(uintptr_t a, size_t size, enum det_kind kind)
{
    for (size_t i = 0; i < size; i++)
        if (!byte_is_mine(a + i, kind)) return false;
    return true;
}
// Every cell by one of its words alone, or by its record.
static bool whole_mine(uintptr_t a, size_t size, enum det_kind kind)
{
    for (uintptr_t c = a & ~(uintptr_t)3; c < a + size; c += 4) {
        bool one = kind == DET_READ && have_seen(shadow_of(c));
        for (int side = 0; side < (kind == DET_READ ? 2 : 1); side++) {
            const uint32_t w = shadow_of(c)[side];
            one |= names_me(w, 0) && w >> DET_INDEX_BITS == 15;
        }
        if (!one) return false;
    }
    return true;
}

// ---- tests -------------------------------------------------------------------------------------------------

static void check_said(const char *name, uintptr_t a, size_t size, enum det_kind kind, const void *pc, bool range)
{
    if (said.n != 1) fail("%s(%#lx): %d events, not 1", name, a, said.n);
    if (said.s != me()) fail("%s: another strand's event", name);
    if (said.addr != a || said.size != size || said.kind != kind || said.range != range)
        fail("%s(%#lx): told %#lx, size %zu, kind %d, range %d", name, a, said.addr, said.size, said.kind, said.range);
    if (pc && said.pc != (uintptr_t)pc) fail("%s: pc %#lx, not %p", name, said.pc, pc);
}
static void compare(const char *name, uintptr_t a, size_t size, enum det_kind kind, enum exactness exactness)
{
    const bool crosses = (a ^ (a + size - 1)) & ~(chunk - 1);
    const bool mine = all_mine(a, size, kind);
    if (said.n == 0) {
        if (!mine) fail("%s(%#lx): silent, but not all %zu bytes are mine", name, a, size);
        return;
    }
    check_said(name, a, size, kind, NULL, size > 16);
    if (crosses) return;
    if (exactness == SPAN ? mine && size <= 16 : whole_mine(a, size, kind) && size <= 16)
        fail("%s(%#lx): slow, though all %zu bytes are mine", name, a, size);
}
static void test_words(void)
{
    for (int round = 0; round < 60; round++) {
        fill_shadow(round % 3);
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            const struct entry *e = &entries[i];
            for (int k = 0; k < 400; k++) {
                const uintptr_t a = k < 40 ? area + AREA / 2 - 20 + (uintptr_t)k : area + rnd(AREA - 16);
                const uintptr_t aligned = e->size == 16 ? 7 : (uintptr_t)e->size - 1; // vectors of doubles: to 8
                const bool exact = e->exactness == SPAN || e->size < 4 || (a & aligned);
                said.n = 0;
                e->call((void *)a);
                compare(e->name, a, (size_t)e->size, e->kind, exact ? SPAN : WORD);
            }
        }
    }
}
static void test_ranges(void)
{
    for (int round = 0; round < 300; round++) {
        fill_shadow(round % 3);
        for (int k = 0; k < 400; k++) {
            const size_t size = rnd(2) ? rnd(17) : rnd(300);
            const uintptr_t a = area + rnd(AREA - 300);
            const bool write = rnd(2);
            said.n = 0;
            if (write)
                __tsan_write_range((void *)a, size);
            else
                __tsan_read_range((void *)a, size);
            if (size == 0 && said.n) fail("an empty range is no access");
            if (size) compare("range", a, size, write ? DET_WRITE : DET_READ, size <= 16 ? SPAN : WORD);
        }
    }
}
static void clear_shadow(void)
{
    for (uintptr_t a = area; a < area + AREA; a += 4) shadow_of(a)[0] = shadow_of(a)[1] = 0;
}
// The pc of a miss is the address after the call, whatever jumps lie between.
static void test_pc(void)
{
    clear_shadow();
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        for (uintptr_t off = 0; off < 16; off += 5) {
            const uintptr_t a = area + 64 + off;
            void *after;
            said.n = 0;
            after = call_and_tell(entries[i].call, (void *)a);
            check_said(entries[i].name, a, (size_t)entries[i].size, entries[i].kind, after, false);
        }
    void *const pc = (void *)0x1234;
    said.n = 0, __tsan_read4_pc((void *)area, pc), check_said("read4_pc", area, 4, DET_READ, pc, false);
    said.n = 0, __tsan_write16_pc((void *)area, pc), check_said("write16_pc", area, 16, DET_WRITE, pc, false);
    said.n = 0, __tsan_read_range_pc((void *)area, 99, pc), check_said("read_range_pc", area, 99, DET_READ, pc, true);
    said.n = 0, __tsan_write_range_pc((void *)area, 3, pc), check_said("write_range_pc", area, 3, DET_WRITE, pc, false);
}
// Chunks without shadow, addresses that no program has, and the zero strand: misses, not faults.
static void test_far_away(void)
{
    const uintptr_t at[] = {0, 8, chunk - 16, area + chunk, ((uintptr_t)1 << 47) - 16};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++)
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            said.n = 0;
            entries[i].call((void *)at[k]);
            check_said(entries[i].name, at[k], (size_t)entries[i].size, entries[i].kind, NULL, false);
        }
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) entries[i].call((void *)0xfffffffffffffff0);
}
// A thread that is no strand yet is attached by any event, once, and the event is its first.
static void test_attach(void)
{
    clear_shadow();
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
            detach(round == 0);
            entries[i].call((void *)(area + 3));
            if (attached != 1) fail("%s: attached %d times", entries[i].name, attached);
            if (round == 0)
                check_said(entries[i].name, area + 3, (size_t)entries[i].size, entries[i].kind, NULL, false);
            else if (said.n)
                fail("%s: an event of nobody's", entries[i].name);
        }
        detach(round == 0);
        __tsan_write_range((void *)area, 1000);
        if (attached != 1 || said.n != (round == 0)) fail("write_range on a new thread");
    }
    detach(true);
    __tsan_func_entry((void *)0x77);
    if (attached != 1 || hot()->frame != hot()->frame_lo + 1 || hot()->frame_lo->pc != 0x77)
        fail("func_entry attaches");
    __tsan_func_exit();
    detach(false);
    __tsan_func_entry((void *)0x77);
    __tsan_func_exit();
}
static void test_functions(void)
{
    struct det_strand_hot *h = hot();
    const size_t room = (size_t)(h->frame_end - h->frame_lo);
    uintptr_t sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    for (size_t i = 0; i < room + 3; i++) __tsan_func_entry((void *)(i + 1));
    if (h->frame != h->frame_end || h->depth_lost != 3) fail("depth: %u lost", h->depth_lost);
    for (size_t i = 0; i < room; i++) {
        const struct det_frame *f = &h->frame_lo[i];
        if (f->pc != i + 1 || f->node != 0) fail("frame %zu: pc %#lx", i, f->pc);
        if (f->sp != (uint32_t)(sp >> 4)) fail("frame %zu: sp %#x, not %#x", i, f->sp, (uint32_t)(sp >> 4));
    }
    for (size_t i = 0; i < room + 5; i++) __tsan_func_exit(); // two more than entered: after a longjmp
    if (h->frame != h->frame_lo || h->depth_lost != 0) fail("depth after all exits");
}
static void test_vptr(void)
{
    static void *table[2], *object[2] __attribute__((aligned(16)));
    object[0] = table;
    said.n = 0;
    __tsan_vptr_update(object, table);
    if (said.n) fail("storing the same table is no access");
    __tsan_vptr_update(object, table + 1);
    check_said("vptr_update", (uintptr_t)object, 8, DET_WRITE, NULL, false);
    if (object[0] != table) fail("vptr_update stores nothing itself");
}
static void test_memory(void)
{
    enum { SIZE = 1500 };
    static unsigned char mem[3 * SIZE], want[3 * SIZE];
    for (int round = 0; round < 20000; round++) {
        const size_t n = rnd(8) ? rnd(80) : rnd(SIZE), from = rnd(SIZE), to = rnd(2) ? rnd(SIZE) : from + rnd(40);
        for (size_t i = 0; i < sizeof mem; i++) mem[i] = want[i] = (unsigned char)(i * 7 + i / 256 + (size_t)round);
        said.n = 0;
        void *got;
        const int what = (int)rnd(3);
        if (what == 2) {
            for (size_t i = 0; i < n; i++) want[to + i] = (unsigned char)round;
            got = __tsan_memset(mem + to, round, n);
        } else {
            unsigned char copy[SIZE];
            for (size_t i = 0; i < n; i++) copy[i] = want[from + i];
            for (size_t i = 0; i < n; i++) want[to + i] = copy[i];
            got = what ? __tsan_memmove(mem + to, mem + from, n) : __tsan_memcpy(mem + to, mem + from, n);
        }
        if (got != mem + to) fail("the result is the destination");
        for (size_t i = 0; i < sizeof mem; i++)
            if (mem[i] != want[i]) fail("%d: byte %zu of %zu from %zu to %zu", what, i, n, from, to);
        const int events = n == 0 ? 0 : what == 2 ? 1 : 2;
        if (said.n != events) fail("memory function: %d events", said.n);
        if (n && (said.addr != (uintptr_t)mem + (what == 2 ? to : from) || said.size != n)) fail("memory function");
    }
}

int main(void)
{
    seed_from_clock();
    make_shadow();
    new_strand(LO, N);
    test_words();
    test_ranges();
    test_pc();
    test_far_away();
    test_functions();
    test_vptr();
    test_memory();
    test_attach();
    puts("entries: all as defined");
}
