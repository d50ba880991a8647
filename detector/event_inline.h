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

// The fields that the inlined path needs; the rest is in detector/strand.h.
struct det_strand_hot {
    uint32_t lo, n;          // written by the strand itself, or by a sweep while it is outside fast paths
    struct det_frame *frame; // next free shadow frame
    struct det_frame *frame_end;
    struct det_frame *frame_lo; // first frame
    uint32_t depth_lost;        // frames entered beyond frame_end
};

#define DET_INDEX_BITS 28
#define DET_INDEX_MASK 0x0fffffffu
#define DET_CHUNK_BITS 26
// One entry per 64 MiB of address space: shadow address - 2 * chunk address, or 0 while the chunk has no shadow.
extern uintptr_t *det_chunks __attribute__((visibility("hidden")));

// The strand of the calling thread. Never NULL: a thread that was not attached yet has det_nobody, whose n is 0,
// so that it always misses; the caller's slow path then attaches it.
extern __thread struct det_strand *det_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern struct det_strand det_nobody __attribute__((visibility("hidden")));
ALWAYS_INLINE struct det_strand *det_self(void) { return det_tls; }

ALWAYS_INLINE const uint32_t *det_cell(uintptr_t addr)
{
    const uintptr_t base = det_chunks[(addr << 17) >> (DET_CHUNK_BITS + 17)];
    return likely(base != 0) ? (const uint32_t *)(base + 2 * (addr & ~(uintptr_t)3)) : (const uint32_t *)0;
}
ALWAYS_INLINE bool det_word_hit(uint32_t word, const struct det_strand_hot *h, uint32_t mask)
{
    return ((word - h->lo) & DET_INDEX_MASK) < h->n && (word >> DET_INDEX_BITS & mask) == mask;
}
// size is a compile-time 1, 2, 4, 8 or 16; aligned to it, or to 8 for 16.
ALWAYS_INLINE void det_access(struct det_strand *s, uintptr_t pc, uintptr_t addr, int size, enum det_kind kind)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)s;
    const uint32_t *c = det_cell(addr);
    if (likely(c != 0)) {
        const uint32_t mask = size >= 4 ? 15u : ((1u << size) - 1) << (addr & 3);
        bool hit = true;
        for (int i = 0; i < (size + 3) / 4; i++) { // relaxed: a stale word can only miss, or hit what I wrote myself
            bool one = det_word_hit(base_load_relaxed(&c[2 * i]), h, mask);
            if (kind == DET_READ) one |= det_word_hit(base_load_relaxed(&c[2 * i + 1]), h, mask);
            hit &= one;
        }
        if (likely(hit)) return;
    }
    det_access_slow(s, pc, addr, (size_t)size, kind);
}
// The function that was called from pc begins; frame_sp is __builtin_frame_address(0) or anything near it.
ALWAYS_INLINE void det_func_enter(struct det_strand *s, uintptr_t pc, uintptr_t frame_sp)
{
    struct det_strand_hot *h = (struct det_strand_hot *)s;
    if (unlikely(h->frame == h->frame_end)) {
        h->depth_lost++;
        return;
    }
    h->frame->pc = pc;
    h->frame->node = 0;
    h->frame->sp = (uint32_t)(frame_sp >> 4);
    h->frame++;
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
