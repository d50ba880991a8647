#include "stream.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[OP_COUNT] = {
#define X(op, name, words) #name,
    OPS(X)
#undef X
};
static const enum flag_words words_of[OP_COUNT] = {
#define X(op, name, words) WORDS_##words,
    OPS(X)
#undef X
};
static const char *const flag_names[][8] = {
    [WORDS_NONE] = {NULL},
    [WORDS_SYNC] = {"must", "set"},
    [WORDS_LOCK] = {"rw", "recursive", "spin", "static", "read", "try", "cond"},
    [WORDS_WAKE] = {"woken"},
    [WORDS_SIGNAL] = {"all"},
};
static const char *const order_names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
enum { ORDERS = sizeof order_names / sizeof *order_names };

static bool has_order(enum op op) { return op == OP_LOAD || op == OP_STORE || op == OP_RMW || op == OP_FENCE; }
static bool has_child(enum op op) { return op == OP_CREATE || op == OP_JOIN || op == OP_DETACH || op == OP_ABANDON; }

void stream_print_event(FILE *to, const struct event *e)
{
    fprintf(to, "T%u %s", e->strand, names[e->op]);
    if (has_child(e->op)) fprintf(to, " child=T%u", e->other);
    if (e->addr) fprintf(to, " addr=0x%zx", e->addr);
    if (e->size) fprintf(to, " size=%zu", e->size);
    if (e->mutex) fprintf(to, " mutex=0x%zx", e->mutex);
    if (has_order(e->op)) fprintf(to, " %s", order_names[e->order]);
    for (int i = 0; i < 8; i++)
        if (e->flags >> i & 1) fprintf(to, " %s", flag_names[words_of[e->op]][i]);
    if (e->pc) fprintf(to, " pc=0x%zx", e->pc);
    fputc('\n', to);
}
void stream_print(FILE *to, const struct stream *s)
{
    fprintf(to, "config max_time=%u stamp_limit=%u c20=%d\n", s->max_time, s->stamp_limit, s->c20);
    for (uint32_t i = 0; i < s->n; i++) stream_print_event(to, &s->e[i]);
}

static bool parse_op(const char *word, enum op *op)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (!strcmp(word, names[i])) {
            *op = (enum op)i;
            return true;
        }
    return false;
}
static bool parse_word(const char *word, struct event *e)
{
    for (int i = 0; i < 8 && flag_names[words_of[e->op]][i]; i++)
        if (!strcmp(word, flag_names[words_of[e->op]][i])) {
            e->flags |= 1 << i;
            return true;
        }
    for (int i = 0; has_order(e->op) && i < ORDERS; i++)
        if (!strcmp(word, order_names[i])) {
            e->order = i;
            return true;
        }
    return sscanf(word, "child=T%hu", &e->other) == 1 || sscanf(word, "addr=0x%zx", &e->addr) == 1 ||
           sscanf(word, "size=%zu", &e->size) == 1 || sscanf(word, "mutex=0x%zx", &e->mutex) == 1 ||
           sscanf(word, "pc=0x%zx", &e->pc) == 1;
}
static bool parse_line(char *line, struct stream *s)
{
    int c20;
    if (sscanf(line, "config max_time=%u stamp_limit=%u c20=%d", &s->max_time, &s->stamp_limit, &c20) == 3) {
        s->c20 = c20;
        return true;
    }
    line[strcspn(line, "#\n")] = 0; // the rest is a comment
    struct event e = {0};
    char *word = strtok(line, " ");
    if (!word) return true;
    if (sscanf(word, "T%hu", &e.strand) != 1 || !(word = strtok(NULL, " ")) || !parse_op(word, &e.op)) return false;
    while ((word = strtok(NULL, " ")))
        if (!parse_word(word, &e)) return false;
    if (s->n == MAX_EVENTS || e.strand >= MAX_STRANDS || e.other >= MAX_STRANDS) return false;
    s->e[s->n++] = e;
    return true;
}
bool stream_parse(FILE *from, const char *name, struct stream *s)
{
    char line[512];
    s->n = 0;
    for (int number = 1; fgets(line, sizeof line, from); number++)
        if (!parse_line(line, s)) {
            fprintf(stderr, "%s:%d: not an event\n", name, number);
            return false;
        }
    return true;
}

uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
uint32_t rng_below(struct rng *r, uint32_t n) { return (uint32_t)(rng_next(r) % n); }
bool rng_chance(struct rng *r, uint32_t percent) { return rng_below(r, 100) < percent; }
