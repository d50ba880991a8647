// mem.c: what memcpy and the string functions read and write.
//
// An access is told as far as the function really looks: strcmp up to the first difference, strnlen up to the limit.
// Reads are told before the real function runs where their extent is known by then, else after it. Every
// uninstrumented library's calls come through here as well, as do those that compilers make for big struct copies.
// No loop in here may become a call of what it defines: the empty asm keeps compilers from seeing a strlen in it.
#include "instrument/interpose.h"

#include <ctype.h>
#include <strings.h>

typedef struct det_strand strand;

// ---- the same-epoch test on a range: most copies go where the thread has just been -------------------------------

static inline bool part_hit(const struct det_strand_hot *h, const uint32_t *c, uint32_t bytes, enum det_kind kind)
{
    return (det_mine(h, c, kind) >> DET_INDEX_BITS & bytes) == bytes;
}
// True when every byte was touched in this epoch. A miss costs what the test has seen, against several times that for
// what the detector then does.
static bool range_hit(const strand *s, uintptr_t addr, size_t n, enum det_kind kind)
{
    const struct det_strand_hot *h = (const struct det_strand_hot *)s;
    const uint32_t *c = det_cell(addr);
    if (!c || (addr ^ (addr + n - 1)) >> DET_CHUNK_BITS != 0) return false;
    const size_t before = addr & 3;
    if (before) { // the part of a cell that the range starts in
        const size_t have = n < 4 - before ? n : 4 - before;
        if (!part_hit(h, c, ((1u << have) - 1) << before, kind)) return false;
        n -= have, c += 2;
    }
    for (; n >= 8; n -= 8, c += 4)
        if (!det_hit8(h, c, kind)) return false;
    if (n >= 4) {
        if (!part_hit(h, c, 15, kind)) return false;
        n -= 4, c += 2;
    }
    return n == 0 || part_hit(h, c, (1u << n) - 1, kind);
}
static inline void reads(strand *s, uintptr_t pc, const void *p, size_t n)
{
    if (n && !range_hit(s, (uintptr_t)p, n, DET_READ)) det_range(s, pc, (uintptr_t)p, n, DET_READ);
}
static inline void writes(strand *s, uintptr_t pc, const void *p, size_t n)
{
    if (n && !range_hit(s, (uintptr_t)p, n, DET_WRITE)) det_range(s, pc, (uintptr_t)p, n, DET_WRITE);
}

// ---- blocks ------------------------------------------------------------------------------------------------

static inline void copies(strand *s, uintptr_t pc, void *to, const void *from, size_t n)
{
    reads(s, pc, from, n);
    writes(s, pc, to, n);
}
INTERFACE void *memcpy(void *to, const void *from, size_t n)
{
    copies(ins_self(), CALLER_PC, to, from, n);
    return REAL(memcpy)(to, from, n);
}
INTERFACE void *memmove(void *to, const void *from, size_t n)
{
    copies(ins_self(), CALLER_PC, to, from, n);
    return REAL(memmove)(to, from, n);
}
INTERFACE void *mempcpy(void *to, const void *from, size_t n)
{
    copies(ins_self(), CALLER_PC, to, from, n);
    return REAL(mempcpy)(to, from, n);
}
INTERFACE void *__mempcpy(void *to, const void *from, size_t n)
{
    copies(ins_self(), CALLER_PC, to, from, n);
    return REAL(mempcpy)(to, from, n);
}
INTERFACE void bcopy(const void *from, void *to, size_t n)
{
    copies(ins_self(), CALLER_PC, to, from, n);
    REAL(memmove)(to, from, n);
}
INTERFACE void *memset(void *to, int c, size_t n)
{
    writes(ins_self(), CALLER_PC, to, n);
    return REAL(memset)(to, c, n);
}
INTERFACE void bzero(void *to, size_t n)
{
    writes(ins_self(), CALLER_PC, to, n);
    REAL(memset)(to, 0, n);
}
INTERFACE void explicit_bzero(void *to, size_t n)
{
    writes(ins_self(), CALLER_PC, to, n);
    REAL(explicit_bzero)(to, n);
}
// How far a comparison of n bytes looks: up to and with the first difference.
static size_t common(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __asm__ volatile("");
        if (a[i] != b[i]) return i + 1;
    }
    return n;
}
static inline int compare(strand *s, uintptr_t pc, const void *a, const void *b, size_t n)
{
    const int order = REAL(memcmp)(a, b, n);
    const size_t looked = order == 0 ? n : common(a, b, n);
    reads(s, pc, a, looked);
    reads(s, pc, b, looked);
    return order;
}
INTERFACE int memcmp(const void *a, const void *b, size_t n) { return compare(ins_self(), CALLER_PC, a, b, n); }
INTERFACE int bcmp(const void *a, const void *b, size_t n) { return compare(ins_self(), CALLER_PC, a, b, n); }
static inline size_t upto(const void *p, const void *found, size_t n)
{
    return found ? (size_t)((const char *)found - (const char *)p) + 1 : n;
}
INTERFACE void *memchr(const void *p, int c, size_t n)
{
    strand *s = ins_self();
    void *found = REAL(memchr)(p, c, n);
    reads(s, CALLER_PC, p, upto(p, found, n));
    return found;
}
INTERFACE void *memrchr(const void *p, int c, size_t n)
{
    strand *s = ins_self();
    void *found = REAL(memrchr)(p, c, n);
    const char *from = found ? found : p;
    reads(s, CALLER_PC, from, (size_t)((const char *)p + n - from));
    return found;
}
INTERFACE void *rawmemchr(const void *p, int c)
{
    strand *s = ins_self();
    void *found = REAL(rawmemchr)(p, c);
    reads(s, CALLER_PC, p, upto(p, found, 0));
    return found;
}
INTERFACE void *memmem(const void *p, size_t n, const void *what, size_t m)
{
    strand *s = ins_self();
    void *found = REAL(memmem)(p, n, what, m);
    reads(s, CALLER_PC, what, m);
    reads(s, CALLER_PC, p, found ? (size_t)((char *)found - (const char *)p) + m : n);
    return found;
}

// ---- strings: length and search --------------------------------------------------------------------------------

INTERFACE size_t strlen(const char *p)
{
    strand *s = ins_self();
    const size_t n = REAL(strlen)(p);
    reads(s, CALLER_PC, p, n + 1);
    return n;
}
// What strnlen looks at.
static inline size_t limited(size_t n, size_t max) { return n < max ? n + 1 : max; }
INTERFACE size_t strnlen(const char *p, size_t max)
{
    strand *s = ins_self();
    const size_t n = REAL(strnlen)(p, max);
    reads(s, CALLER_PC, p, limited(n, max));
    return n;
}
static inline char *searched(strand *s, uintptr_t pc, const char *p, char *found)
{
    reads(s, pc, p, found ? upto(p, found, 0) : REAL(strlen)(p) + 1);
    return found;
}
INTERFACE char *strchr(const char *p, int c)
{
    strand *s = ins_self();
    return searched(s, CALLER_PC, p, REAL(strchr)(p, c));
}
INTERFACE char *index(const char *p, int c)
{
    strand *s = ins_self();
    return searched(s, CALLER_PC, p, REAL(strchr)(p, c));
}
INTERFACE char *strchrnul(const char *p, int c)
{
    strand *s = ins_self();
    return searched(s, CALLER_PC, p, REAL(strchrnul)(p, c));
}
INTERFACE char *strrchr(const char *p, int c)
{
    strand *s = ins_self();
    reads(s, CALLER_PC, p, REAL(strlen)(p) + 1);
    return REAL(strrchr)(p, c);
}
INTERFACE char *rindex(const char *p, int c)
{
    strand *s = ins_self();
    reads(s, CALLER_PC, p, REAL(strlen)(p) + 1);
    return REAL(strrchr)(p, c);
}
static inline char *found_string(strand *s, uintptr_t pc, const char *p, const char *what, char *found)
{
    const size_t m = REAL(strlen)(what);
    reads(s, pc, what, m + 1);
    reads(s, pc, p, found ? (size_t)(found - p) + m : REAL(strlen)(p) + 1);
    return found;
}
INTERFACE char *strstr(const char *p, const char *what)
{
    strand *s = ins_self();
    return found_string(s, CALLER_PC, p, what, REAL(strstr)(p, what));
}
INTERFACE char *strcasestr(const char *p, const char *what)
{
    strand *s = ins_self();
    return found_string(s, CALLER_PC, p, what, REAL(strcasestr)(p, what));
}
static inline size_t spanned(strand *s, uintptr_t pc, const char *p, const char *set, size_t n)
{
    reads(s, pc, set, REAL(strlen)(set) + 1);
    reads(s, pc, p, n + 1);
    return n;
}
INTERFACE size_t strspn(const char *p, const char *set)
{
    strand *s = ins_self();
    return spanned(s, CALLER_PC, p, set, REAL(strspn)(p, set));
}
INTERFACE size_t strcspn(const char *p, const char *set)
{
    strand *s = ins_self();
    return spanned(s, CALLER_PC, p, set, REAL(strcspn)(p, set));
}
INTERFACE char *strpbrk(const char *p, const char *set)
{
    strand *s = ins_self();
    reads(s, CALLER_PC, set, REAL(strlen)(set) + 1);
    return searched(s, CALLER_PC, p, REAL(strpbrk)(p, set));
}
// Separators before the token are skipped; the one behind it becomes a NUL, and *rest points after that.
INTERFACE char *strtok_r(char *p, const char *set, char **rest)
{
    strand *s = ins_self();
    char *from = p ? p : *rest;
    reads(s, CALLER_PC, set, REAL(strlen)(set) + 1);
    char *token = REAL(strtok_r)(p, set, rest);
    char *end = token ? token + REAL(strlen)(token) : *rest;
    reads(s, CALLER_PC, from, (size_t)(end - from) + 1);
    if (end != *rest) writes(s, CALLER_PC, end, 1);
    writes(s, CALLER_PC, rest, sizeof *rest);
    return token;
}

// ---- strings: comparison -----------------------------------------------------------------------------------------

static inline char lower(char c, bool fold) { return fold ? (char)tolower((unsigned char)c) : c; }
// How far a comparison of at most n characters looks.
static inline size_t same(const char *a, const char *b, size_t n, bool fold)
{
    size_t i = 0;
    for (; i < n; i++) {
        __asm__ volatile("");
        if (lower(a[i], fold) != lower(b[i], fold) || a[i] == 0) return i + 1;
    }
    return i;
}
#define COMPARE(call, a, b, n, fold)                                                                                   \
    strand *s = ins_self();                                                                                            \
    const size_t looked = same(a, b, n, fold);                                                                         \
    reads(s, CALLER_PC, a, looked);                                                                                    \
    reads(s, CALLER_PC, b, looked);                                                                                    \
    return call
INTERFACE int strcmp(const char *a, const char *b) { COMPARE(REAL(strcmp)(a, b), a, b, SIZE_MAX, false); }
INTERFACE int strncmp(const char *a, const char *b, size_t n) { COMPARE(REAL(strncmp)(a, b, n), a, b, n, false); }
INTERFACE int strcasecmp(const char *a, const char *b) { COMPARE(REAL(strcasecmp)(a, b), a, b, SIZE_MAX, true); }
INTERFACE int strncasecmp(const char *a, const char *b, size_t n)
{
    COMPARE(REAL(strncasecmp)(a, b, n), a, b, n, true);
}

// ---- strings: copying --------------------------------------------------------------------------------------------

static inline void copies_string(strand *s, uintptr_t pc, char *to, const char *from)
{
    copies(s, pc, to, from, REAL(strlen)(from) + 1);
}
static inline void copies_limited(strand *s, uintptr_t pc, char *to, const char *from, size_t n)
{
    reads(s, pc, from, limited(REAL(strnlen)(from, n), n));
    writes(s, pc, to, n); // padded with NUL
}
static inline void appends(strand *s, uintptr_t pc, char *to, const char *from, size_t n)
{
    const size_t had = REAL(strlen)(to), len = REAL(strnlen)(from, n);
    reads(s, pc, from, limited(len, n));
    reads(s, pc, to, had + 1);
    writes(s, pc, to + had, len + 1);
}
// Each with the form that _FORTIFY_SOURCE calls, which takes the size of the object written to.
#define STRING(type, name, params, args, tell)                                                                         \
    INTERFACE type name params                                                                                         \
    {                                                                                                                  \
        strand *s = ins_self();                                                                                        \
        tell;                                                                                                          \
        return REAL(name) args;                                                                                        \
    }
#define WITH(...) __VA_ARGS__
#define BOTH(name, params, args, tell)                                                                                 \
    STRING(char *, name, (params), (args), tell)                                                                       \
    STRING(char *, __##name##_chk, (params, size_t room), (args, room), tell)
BOTH(strcpy, WITH(char *to, const char *from), WITH(to, from), copies_string(s, CALLER_PC, to, from))
BOTH(stpcpy, WITH(char *to, const char *from), WITH(to, from), copies_string(s, CALLER_PC, to, from))
BOTH(strncpy, WITH(char *to, const char *from, size_t n), WITH(to, from, n), copies_limited(s, CALLER_PC, to, from, n))
BOTH(stpncpy, WITH(char *to, const char *from, size_t n), WITH(to, from, n), copies_limited(s, CALLER_PC, to, from, n))
BOTH(strcat, WITH(char *to, const char *from), WITH(to, from), appends(s, CALLER_PC, to, from, SIZE_MAX))
BOTH(strncat, WITH(char *to, const char *from, size_t n), WITH(to, from, n), appends(s, CALLER_PC, to, from, n))
// The copy's block is told by malloc, which the real ones call.
STRING(char *, strdup, (const char *from), (from), reads(s, CALLER_PC, from, REAL(strlen)(from) + 1))
STRING(char *, strndup, (const char *from, size_t n), (from, n),
       reads(s, CALLER_PC, from, limited(REAL(strnlen)(from, n), n)))

#define BLOCK(name, params, args, tell) STRING(void *, name, (params, size_t room), (args, room), tell)
BLOCK(__memcpy_chk, WITH(void *to, const void *from, size_t n), WITH(to, from, n), copies(s, CALLER_PC, to, from, n))
BLOCK(__memmove_chk, WITH(void *to, const void *from, size_t n), WITH(to, from, n), copies(s, CALLER_PC, to, from, n))
BLOCK(__mempcpy_chk, WITH(void *to, const void *from, size_t n), WITH(to, from, n), copies(s, CALLER_PC, to, from, n))
BLOCK(__memset_chk, WITH(void *to, int c, size_t n), WITH(to, c, n), writes(s, CALLER_PC, to, n))
