#include "shrink.h"
#include "world.h"

#include <string.h>

// Drops the events that are not legal any more once others are gone.
static void make_legal(struct stream *s)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!world_legal(&w, &s->e[i])) continue;
        world_apply(&w, &s->e[i]);
        s->e[n++] = s->e[i];
    }
    s->n = n;
}

struct shrinking {
    struct stream *best;
    bool (*fails)(const struct stream *s, void *ctx);
    void *ctx;
};
static bool keep_if_failing(struct shrinking *k, struct stream *candidate)
{
    make_legal(candidate);
    if (candidate->n >= k->best->n || !k->fails(candidate, k->ctx)) return false;
    *k->best = *candidate;
    return true;
}
static bool without_strand(struct shrinking *k, uint16_t strand)
{
    static struct stream c;
    c = *k->best;
    c.n = 0;
    for (uint32_t i = 0; i < k->best->n; i++)
        if (k->best->e[i].strand != strand) c.e[c.n++] = k->best->e[i];
    return keep_if_failing(k, &c);
}
static bool without_run(struct shrinking *k, uint32_t from, uint32_t count)
{
    static struct stream c;
    c = *k->best;
    if (from + count > c.n) count = c.n - from;
    memmove(&c.e[from], &c.e[from + count], (c.n - from - count) * sizeof *c.e);
    c.n -= count;
    return keep_if_failing(k, &c);
}
// Two events that only make sense together (a lock and its unlock) go together.
static bool without_pair(struct shrinking *k, uint32_t first)
{
    static struct stream c;
    for (uint32_t second = first + 1; second < k->best->n; second++) {
        c = *k->best;
        c.n = 0;
        for (uint32_t i = 0; i < k->best->n; i++)
            if (i != first && i != second) c.e[c.n++] = k->best->e[i];
        if (keep_if_failing(k, &c)) return true;
    }
    return false;
}
void shrink(struct stream *s, bool (*fails)(const struct stream *s, void *ctx), void *ctx)
{
    struct shrinking k = {s, fails, ctx};
    for (uint16_t strand = 0; strand < MAX_STRANDS; strand++) without_strand(&k, strand);
    for (bool smaller = true; smaller;) {
        smaller = false;
        for (uint32_t count = s->n / 2; count > 0; count /= 2)
            for (uint32_t from = 0; from < s->n;)
                if (without_run(&k, from, count))
                    smaller = true;
                else
                    from += count;
        for (uint32_t i = 0; i < s->n && s->n < 60; i++) smaller |= without_pair(&k, i);
    }
}
