// Plain, unaligned, volatile and compound accesses of 1 to 16 bytes, struct copies, bit-fields, memory functions.
// Only compiled: what matters is which functions the compiler makes it call.
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 u128;
typedef float v4 __attribute__((vector_size(16)));

#define SIZE(type, name)                                                                                               \
    struct __attribute__((packed)) packed_##name {                                                                     \
        char odd;                                                                                                      \
        type v;                                                                                                        \
        volatile type vv;                                                                                              \
    };                                                                                                                 \
    type read_##name(const type *p) { return *p; }                                                                     \
    void write_##name(type *p, type v) { *p = v; }                                                                     \
    void change_##name(type *p) { *p = *p + *p; }                                                                      \
    type volatile_read_##name(volatile type *p) { return *p; }                                                         \
    void volatile_write_##name(volatile type *p, type v) { *p = v; }                                                   \
    type unaligned_read_##name(const struct packed_##name *p) { return p->v; }                                         \
    void unaligned_write_##name(struct packed_##name *p, type v) { p->v = v; }                                         \
    void unaligned_change_##name(struct packed_##name *p) { p->v = p->v + p->v; }                                      \
    type unaligned_volatile_read_##name(struct packed_##name *p) { return p->vv; }                                     \
    void unaligned_volatile_write_##name(struct packed_##name *p, type v) { p->vv = v; }

SIZE(uint8_t, u8)
SIZE(int16_t, s16)
SIZE(uint32_t, u32)
SIZE(float, f32)
SIZE(uint64_t, u64)
SIZE(double, f64)
SIZE(long double, f80)
SIZE(u128, u128)
SIZE(v4, v4)
SIZE(_Complex double, c64)

struct bits {
    unsigned a : 3, b : 7, c : 22;
    uint64_t d : 40, e : 24;
};
int bits_read(const struct bits *p) { return p->a + p->b + (int)p->d; }
void bits_write(struct bits *p, int v)
{
    p->b = v & 127;
    p->e++;
}

#define BLOCK(n)                                                                                                       \
    struct block##n {                                                                                                  \
        char bytes[n];                                                                                                 \
    };                                                                                                                 \
    void copy_##n(struct block##n *to, const struct block##n *from) { *to = *from; }                                   \
    void zero_##n(struct block##n *to) { *to = (struct block##n){{0}}; }                                               \
    struct block##n get_##n(const struct block##n *from) { return *from; }
BLOCK(3)
BLOCK(16)
BLOCK(24)
BLOCK(100)
BLOCK(5000)
struct words {
    long a, b;
    void *c;
};
void copy_words(struct words *to, const struct words *from) { *to = *from; }

void copies(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    memmove(to + 1, to, n);
    memset(to, 7, n);
    memcpy(to, from, 16);
    memset(to, 0, 40);
}
uint32_t load_unaligned_32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
uint64_t load_unaligned_64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
void store_unaligned_64(void *p, uint64_t v) { memcpy(p, &v, sizeof v); }

int global, *escaped;
_Thread_local int per_thread;
static int indirect(int (*fn)(int), int depth) { return fn(depth) + per_thread; }
int recursive(int depth)
{
    int local[4] = {depth};
    escaped = local;
    return depth ? recursive(depth - 1) + indirect(recursive, depth / 2) + global++ : local[depth & 3];
}
