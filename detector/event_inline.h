// detector/event_inline.h: the part of the detector that is inlined into the __tsan_* entries.
//
// The same-epoch test. Shadow: for every 4 bytes of the program one 64-bit cell of two 32-bit words, {last write,
// last read}; a word is (byte mask << 28) | stamp index. The stamps of the running strand's current epoch are
// [lo, lo + n), so "these bytes were already touched by me in this epoch" is a load, a subtraction and a compare.
// Nothing is stored on that path. Everything else goes to det_access_slow.
#ifndef DETECTOR_EVENT_INLINE_H
#define DETECTOR_EVENT_INLINE_H

#include "base/atomic.h"
#include "detector/event.h"

struct det_frame {
    uintptr_t pc;  // return address of the function
    uint32_t node; // its node in the call trie; 0: not interned yet
    uint32_t sp;   // its stack address / 16, low 32 bits: tells after a longjmp which frames are gone
};

// Four words at once: the cells of 8 bytes of the program are {write, read, write, read}.
typedef int32_t det_v4 __attribute__((vector_size(16), may_alias));
typedef uint32_t det_u4 __attribute__((vector_size(16), may_alias));

enum { DET_HOT_SEEN_BITS = 3, DET_HOT_SEEN = 1 << DET_HOT_SEEN_BITS };

// The fields that the inlined path needs; the rest is in detector/strand.h.
struct det_strand_hot {
    // lo and n as the vector test wants them, see det_words_hit; written by det_hot_set only. All zero never hits.
    det_v4 full_lo, all_n;
    // Cells with a record that holds a read of all 4 bytes by this strand in this epoch, inverted: a cell of zero, of
    // which nobody knows anything, never equals one. By the low bits of the cell.
    uint64_t seen[DET_HOT_SEEN];
    uint32_t lo, n;          // set by det_hot_set: by the strand itself, or by a sweep while it is outside fast paths
    struct det_frame *frame; // next free shadow frame
    struct det_frame *frame_end;
    struct det_frame *frame_lo; // first frame
    uint32_t depth_lost;        // frames entered beyond frame_end
};

#define DET_INDEX_BITS  28
#define DET_INDEX_MASK  0x0fffffffu
#define DET_CHUNK_BITS  26
#define DET_CHUNK_COUNT ((uintptr_t)1 << (47 - DET_CHUNK_BITS))
// One entry per 64 MiB of address space: shadow address - 2 * chunk address, or 0 while the chunk has no shadow.
// 16 MiB of .bss, of which a program touches a page or two. An array, not a pointer: a load less on every access,
// and there before anything is initialised.
extern uintptr_t det_chunks[DET_CHUNK_COUNT] __attribute__((visibility("hidden")));

// The strand of the calling thread. Never NULL: a thread that was not attached yet has det_nobody, whose n is 0,
// so that it always misses; the caller's slow path then attaches it.
extern __thread struct det_strand *det_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern struct det_strand det_nobody __attribute__((visibility("hidden")));
ALWAYS_INLINE struct det_strand *det_self(void) { return det_tls; }

ALWAYS_INLINE uintptr_t det_shadow_base(uintptr_t addr) { return det_chunks[(addr << 17) >> (DET_CHUNK_BITS + 17)]; }
// The two words of addr's cell, or NULL while its chunk has no shadow.
ALWAYS_INLINE const uint32_t *det_cell(uintptr_t addr)
{
    const uintptr_t base = det_shadow_base(addr);
    return likely(base != 0) ? (const uint32_t *)(base + 2 * (addr & ~(uintptr_t)3)) : (const uint32_t *)0;
}
// From now on the stamps of the strand's epoch are [lo, lo + n). By another thread (a sweep) only with the lo that is
// there and n = 0: the strand may be between its loads of the two.
ALWAYS_INLINE void det_hot_set(struct det_strand_hot *h, uint32_t lo, uint32_t n)
{
    const int32_t full = (int32_t)(lo | ~DET_INDEX_MASK), count = (int32_t)n;
    h->lo = lo;
    h->n = n;
    h->full_lo = (det_v4){full, full, full, full};
    h->all_n = (det_v4){count, count, count, count};
}

// The test on four words: lane i of the result is negative where 0 <= words[i] - full_lo < n. For words as they
// are that means a full mask and an index in [lo, lo + n); lo + n is at most 2^28, so a lesser mask never gets there.
ALWAYS_INLINE det_v4 det_words_hit(const struct det_strand_hot *h, det_v4 words)
{
    const det_v4 d = (det_v4)((det_u4)words - (det_u4)h->full_lo); // wraps
    return ~d & (h->all_n > d);
}
ALWAYS_INLINE int det_signs(det_v4 v)
{
    typedef float v4sf __attribute__((vector_size(16)));
    return __builtin_ia32_movmskps((v4sf)v);
}
// Each word is loaded once. Relaxed is enough: a stale word can only miss, or hit what this strand wrote itself.
ALWAYS_INLINE det_v4 det_cell1(const uint32_t *c)
{
    typedef long long v2di __attribute__((vector_size(16)));
    return (det_v4)(v2di){base_load_relaxed((const long long *)c), 0};
}
ALWAYS_INLINE det_v4 det_cell2(const uint32_t *c)
{
    det_v4 words;
    __asm__("movdqu %1, %0" : "=x"(words) : "m"(*(const det_v4 *)c)); // each cell of it is loaded whole on x86-64
    return words;
}

// One cell: the top four bits tell which of its bytes the strand has touched in its current epoch.
ALWAYS_INLINE uint32_t det_mine(const struct det_strand_hot *h, const uint32_t *c, enum det_kind kind)
{
    if (kind != DET_READ) {
        const uint32_t w = base_load_relaxed(&c[0]);
        return (w | ~DET_INDEX_MASK) - (uint32_t)h->full_lo[0] < (uint32_t)h->all_n[0] ? w : 0;
    }
    typedef unsigned long long v2du __attribute__((vector_size(16)));
    const int32_t mask = (int32_t)~DET_INDEX_MASK;
    const det_v4 words = det_cell1(c);
    const v2du both = (v2du)(det_words_hit(h, words | (det_v4){mask, mask, mask, mask}) >> 31 & words);
    return (uint32_t)(both[0] | both[0] >> 32);
}
// The whole of one cell.
ALWAYS_INLINE bool det_hit4(const struct det_strand_hot *h, const uint32_t *c, enum det_kind kind)
{
    if (kind == DET_READ) return det_signs(det_words_hit(h, det_cell1(c))) & 3;
    return base_load_relaxed(&c[0]) - (uint32_t)h->full_lo[0] < (uint32_t)h->all_n[0];
}
// Two whole cells.
ALWAYS_INLINE bool det_hit8(const struct det_strand_hot *h, const uint32_t *c, enum det_kind kind)
{
    const int hit = det_signs(det_words_hit(h, det_cell2(c)));
    // A read may hit either side of each cell: bit i of the constant says whether i has a bit in both pairs.
    return kind == DET_READ ? 0xeee0 >> hit & 1 : (hit & 5) == 5;
}
ALWAYS_INLINE uint64_t *det_seen_place(struct det_strand_hot *h, uint64_t cell)
{
    return &h->seen[(uint32_t)cell * 0x9E3779B1u >> (32 - DET_HOT_SEEN_BITS)];
}
// One cell with a record in which I have read all of it: what inputs shared by several readers are.
ALWAYS_INLINE bool det_seen(struct det_strand_hot *h, const uint32_t *c)
{
    const uint64_t cell = base_load_relaxed((const uint64_t *)c);
    return (cell ^ *det_seen_place(h, cell)) == ~(uint64_t)0;
}
// A new epoch, or new numbers for records.
ALWAYS_INLINE void det_seen_forget(struct det_strand_hot *h)
{
    for (int i = 0; i < DET_HOT_SEEN; i++) h->seen[i] = 0;
}
// True when the strand has touched all these bytes in its current epoch already, so that there is nothing to do.
// size is a compile-time 1, 2, 4, 8 or 16. An address that is not aligned to it is a miss; vectors of doubles need only 8.
ALWAYS_INLINE bool det_hit(const struct det_strand *s, uintptr_t addr, int size, enum det_kind kind)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)s;
    if (size > 1 && unlikely(addr & (uintptr_t)(size < 8 ? size - 1 : 7))) return false;
    if (size == 16 && unlikely((addr & ((1u << DET_CHUNK_BITS) - 1)) > (1u << DET_CHUNK_BITS) - 16)) return false;
    const uintptr_t base = det_shadow_base(addr);
    if (unlikely(!base)) return false;
    if (size < 4) {
        const uint32_t mine = det_mine(h, (const uint32_t *)(base + 2 * (addr & ~(uintptr_t)3)), kind);
        const uint32_t bytes = (1u << size) - 1;
        return (mine >> (((uint32_t)addr | DET_INDEX_BITS) & 31) & bytes) == bytes; // 28 + addr % 4
    }
    const uint32_t *c = (const uint32_t *)(base + 2 * addr);
    if (size == 16) return det_hit8(h, c, kind) && det_hit8(h, c + 4, kind);
    return size == 8 ? det_hit8(h, c, kind) : det_hit4(h, c, kind);
}
ALWAYS_INLINE void det_access(struct det_strand *s, uintptr_t pc, uintptr_t addr, int size, enum det_kind kind)
{
    if (unlikely(!det_hit(s, addr, size, kind))) det_access_slow(s, pc, addr, (size_t)size, kind);
}
// False: no shadow frame is free, or the thread is no strand yet.
ALWAYS_INLINE bool det_func_room(const struct det_strand *s)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)s;
    return h->frame != h->frame_end;
}
// The function that was called from pc begins; frame_sp is its stack pointer, as a setjmp in it would save it.
ALWAYS_INLINE void det_func_enter(struct det_strand *s, uintptr_t pc, uintptr_t frame_sp)
{
    struct det_strand_hot *h = (struct det_strand_hot *)s;
    struct det_frame *f = h->frame;
    if (unlikely(f == h->frame_end)) {
        h->depth_lost++;
        return;
    }
    h->frame = f + 1;
    *f = (struct det_frame){.pc = pc, .node = 0, .sp = (uint32_t)(frame_sp >> 4)};
}
ALWAYS_INLINE void det_func_exit(struct det_strand *s)
{
    struct det_strand_hot *h = (struct det_strand_hot *)s;
    if (unlikely(h->depth_lost)) {
        h->depth_lost--;
        return;
    }
    if (likely(h->frame > h->frame_lo)) h->frame--;
}

#endif
