// bytes.c: byte loops as compressors and codecs have them: fill, rolling checksum, move to front, run lengths.
#include "kernel.h"

enum { SIZE = 1 << 20 };

static void fill(unsigned char *p, uint64_t *state)
{
    for (unsigned i = 0; i < SIZE;) {
        const uint32_t r = next_random(state);
        for (unsigned n = 1 + r % 9; n > 0 && i < SIZE; n--) p[i++] = (unsigned char)(r >> 27);
    }
}

static uint32_t checksum(const unsigned char *p, unsigned n)
{
    uint32_t a = 1, b = 0;
    for (unsigned i = 0; i < n; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void move_to_front(unsigned char *out, const unsigned char *in)
{
    unsigned char order[32];
    for (unsigned i = 0; i < sizeof order; i++) order[i] = (unsigned char)i;
    for (unsigned i = 0; i < SIZE; i++) {
        unsigned char carry = in[i];
        unsigned at = 0;
        for (; order[at] != in[i]; at++) {
            const unsigned char t = order[at];
            order[at] = carry;
            carry = t;
        }
        order[at] = carry;
        out[i] = (unsigned char)at;
    }
}

static unsigned run_lengths(unsigned char *out, const unsigned char *in)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SIZE;) {
        unsigned run = 1;
        while (i + run < SIZE && run < 255 && in[i + run] == in[i]) run++;
        if (n + 2 > SIZE) break;
        out[n++] = in[i];
        out[n++] = (unsigned char)run;
        i += run;
    }
    return n;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    unsigned char *a = must(malloc(SIZE)), *b = must(malloc(SIZE));
    uint64_t state = (uint64_t)w->id + 3;
    for (unsigned round = 0; round < w->n; round++) {
        fill(a, &state);
        move_to_front(b, a);
        const unsigned n = run_lengths(a, b);
        w->sum = mix(w->sum + checksum(a, n) + checksum(b, SIZE));
    }
    free(a);
    free(b);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 4));
    return 0;
}
