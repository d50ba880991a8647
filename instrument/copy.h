// instrument/copy.h: moving and filling memory by our own hands.
// The program's memcpy may be our interposer, its own, or instrumented; the __tsan_ forms must reach none of these.
// Most copies that compilers emit are structs of a few words, so short ones are a few overlapping loads and stores;
// long ones are the processor's string instructions, which on anything since 2013 run at full speed.
// The empty asm in a loop keeps compilers from finding a memmove or a memset in it, and calling that.
#ifndef INSTRUMENT_COPY_H
#define INSTRUMENT_COPY_H

#include <stddef.h>
#include <stdint.h>
#include "base/atomic.h"

struct ins_word2 {
    uint16_t v;
} __attribute__((packed, may_alias));
struct ins_word4 {
    uint32_t v;
} __attribute__((packed, may_alias));
struct ins_word8 {
    uint64_t v;
} __attribute__((packed, may_alias));
typedef long long ins_v2 __attribute__((vector_size(16), aligned(1), may_alias));

enum { INS_STRING_MIN = 256 }; // bytes from which the string instructions' start-up pays

// [n, 2n) bytes as two words of n that may overlap; both are loaded before either is stored.
#define INS_MOVE_TWO(type, to, from, n)                                                                                \
    do {                                                                                                               \
        const type head_ = *(const type *)(from), tail_ = *(const type *)((from) + (n) - sizeof(type));                \
        *(type *)(to) = head_;                                                                                         \
        *(type *)((to) + (n) - sizeof(type)) = tail_;                                                                  \
    } while (0)

static inline void ins_move_small(char *to, const char *from, size_t n) // n <= 32
{
    if (n >= 16)
        INS_MOVE_TWO(ins_v2, to, from, n);
    else if (n >= 8)
        INS_MOVE_TWO(struct ins_word8, to, from, n);
    else if (n >= 4)
        INS_MOVE_TWO(struct ins_word4, to, from, n);
    else if (n >= 2)
        INS_MOVE_TWO(struct ins_word2, to, from, n);
    else if (n)
        *to = *from;
}
// Overlap is allowed.
static inline void ins_move(void *dst, const void *src, size_t n)
{
    char *to = dst;
    const char *from = src;
    if (n <= 32) {
        ins_move_small(to, from, n);
    } else if ((uintptr_t)to - (uintptr_t)from < n) { // to begins inside from: from the end backwards
        const ins_v2 head = *(const ins_v2 *)from;
        for (size_t left = n; left > 16; left -= 16) {
            __asm__ volatile("");
            *(ins_v2 *)(to + left - 16) = *(const ins_v2 *)(from + left - 16);
        }
        *(ins_v2 *)to = head;
    } else if (n < INS_STRING_MIN || (uintptr_t)from - (uintptr_t)to < 64) { // close overlap: string moves crawl
        const ins_v2 tail = *(const ins_v2 *)(from + n - 16);
        for (size_t at = 0; at < n - 16; at += 16) {
            __asm__ volatile("");
            *(ins_v2 *)(to + at) = *(const ins_v2 *)(from + at);
        }
        *(ins_v2 *)(to + n - 16) = tail;
    } else {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    }
}
static inline void ins_fill(void *dst, int c, size_t n)
{
    char *to = dst;
    if (n < 16) {
        for (volatile char *p = to; n; n--) *p++ = (char)c;
    } else if (n < INS_STRING_MIN) {
        const long long word = (long long)((uint8_t)c * 0x0101010101010101ull);
        const ins_v2 v = {word, word};
        for (size_t at = 0; at < n - 16; at += 16) {
            __asm__ volatile("");
            *(ins_v2 *)(to + at) = v;
        }
        *(ins_v2 *)(to + n - 16) = v;
    } else {
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    }
}

#endif
