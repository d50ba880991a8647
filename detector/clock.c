#include "detector/clock.h"
#include "base/arena.h"
#include "base/check.h"

static struct base_pool leaves = {.size = offsetof(struct clock_node, times) + sizeof(uint32_t) * DET_FANOUT};
static struct base_pool inners = {.size = sizeof(struct clock_node)};

static struct clock_node *node_new(uint32_t level)
{
    struct clock_node *n = base_pool_get(level ? &inners : &leaves);
    n->refs = 1;
    n->level = level;
    if (level)
        for (int i = 0; i < DET_FANOUT; i++) n->kids[i] = NULL;
    else
        for (int i = 0; i < DET_FANOUT; i++) n->times[i] = 0;
    return n;
}
static struct clock_node *node_ref(struct clock_node *n)
{
    base_add_relaxed(&n->refs, 1u); // relaxed: whoever copies a reference holds one already
    return n;
}
static void node_unref(struct clock_node *n)
{
    // acq_rel: the last holder must see what the others did before it recycles the node
    if (base_load_acquire(&n->refs) != 1 && base_sub_acq_rel(&n->refs, 1u) != 1) return;
    if (n->level)
        for (int i = 0; i < DET_FANOUT; i++)
            if (n->kids[i]) node_unref(n->kids[i]);
    base_pool_put(n->level ? &inners : &leaves, n);
}
// The node in *p, to be changed in place: the caller's only reference, or a fresh copy that takes its place.
static struct clock_node *node_own(struct clock_node **p)
{
    struct clock_node *n = *p;
    if (base_load_acquire(&n->refs) == 1) return n; // acquire: pairs with node_unref of the former sharers
    struct clock_node *copy = base_pool_get(n->level ? &inners : &leaves);
    copy->refs = 1;
    copy->level = n->level;
    if (n->level)
        for (int i = 0; i < DET_FANOUT; i++) copy->kids[i] = n->kids[i] ? node_ref(n->kids[i]) : NULL;
    else
        for (int i = 0; i < DET_FANOUT; i++) copy->times[i] = n->times[i];
    node_unref(n);
    return *p = copy;
}
static uint32_t level_for(uint32_t slot)
{
    uint32_t level = 0;
    while (slot >> (level + 1) * DET_FANOUT_BITS) level++;
    return level;
}
// Makes the tree at least that tall.
static void grow(struct det_clock *c, uint32_t level)
{
    if (!c->root) c->root = node_new(level);
    while (c->root->level < level) {
        struct clock_node *top = node_new(c->root->level + 1);
        top->kids[0] = c->root;
        c->root = top;
    }
}

bool det_clock_raise(struct det_clock *c, uint32_t slot, uint32_t time)
{
    if (det_clock_get(c, slot) >= time) return false;
    grow(c, level_for(slot));
    struct clock_node **p = &c->root;
    for (;;) {
        struct clock_node *n = node_own(p);
        if (n->level == 0) {
            n->times[slot & (DET_FANOUT - 1)] = time;
            return true;
        }
        p = &n->kids[slot >> n->level * DET_FANOUT_BITS & (DET_FANOUT - 1)];
        if (!*p) *p = node_new(n->level - 1);
    }
}

static inline uint32_t later(uint32_t a, uint32_t b) { return a > b ? a : b; }
static bool leaf_behind(const struct clock_node *a, const struct clock_node *b)
{
    uint32_t behind = 0;
    for (int i = 0; i < DET_FANOUT; i++) behind |= a->times[i] < b->times[i];
    return behind;
}
// *p (same level as b, which stays the caller's) becomes the maximum of both. It holds all of `held` already (same level, or NULL).
static bool join_same(struct clock_node **p, struct clock_node *b, const struct clock_node *held)
{
    struct clock_node *a = *p;
    if (a == b || b == held) return false;
    if (b->level == 0) {
        if (!leaf_behind(a, b)) return false;
        if (!leaf_behind(b, a)) { // b has it all: share it
            *p = node_ref(b);
            node_unref(a);
            return true;
        }
        a = node_own(p);
        for (int i = 0; i < DET_FANOUT; i++)
            if (a->times[i] < b->times[i]) a->times[i] = b->times[i];
        return true;
    }
    bool learned = false;
    for (int i = 0; i < DET_FANOUT; i++) {
        const struct clock_node *const held_kid = held ? held->kids[i] : NULL;
        if (!b->kids[i] || a->kids[i] == b->kids[i] || held_kid == b->kids[i]) continue;
        if (!a->kids[i]) {
            a = node_own(p);
            a->kids[i] = node_ref(b->kids[i]);
            learned = true;
            continue;
        }
        // Joined aside first: a is copied only when there is something to learn.
        struct clock_node *kid = node_ref(a->kids[i]);
        if (join_same(&kid, b->kids[i], held_kid)) {
            a = node_own(p);
            node_unref(a->kids[i]);
            a->kids[i] = kid;
            learned = true;
        } else {
            node_unref(kid);
        }
    }
    return learned;
}

bool det_clock_join(struct det_clock *into, const struct det_clock *from)
{
    return det_clock_join_more(into, from, &(struct det_clock){NULL});
}
bool det_clock_join_more(struct det_clock *into, const struct det_clock *from, const struct det_clock *held)
{
    if (!from->root || into->root == from->root) return false;
    if (!into->root) {
        into->root = node_ref(from->root);
        return true;
    }
    grow(into, from->root->level);
    struct clock_node **p = &into->root;
    while ((*p)->level > from->root->level) { // from knows only the leftmost part
        struct clock_node *n = node_own(p);
        p = &n->kids[0];
        if (!*p && n->level == from->root->level + 1) {
            *p = node_ref(from->root);
            return true;
        }
        if (!*p) *p = node_new(n->level - 1);
    }
    return join_same(p, from->root, held->root && held->root->level == from->root->level ? held->root : NULL);
}

// Both are leaves. A leaf that others share is copied and raised in one pass.
static void learn_leaf(struct clock_node **p, const struct clock_node *b, uint32_t slot, uint32_t time)
{
    struct clock_node *const a = *p;
    const bool mine = base_load_acquire(&a->refs) == 1; // acquire: as in node_own
    struct clock_node *const to = mine ? a : base_pool_get(&leaves);
    for (int i = 0; i < DET_FANOUT; i++) to->times[i] = later(a->times[i], b->times[i]);
    to->times[slot] = time;
    if (mine) return;
    to->refs = 1;
    to->level = 0;
    *p = to;
    node_unref(a);
}
void det_clock_learn(struct det_clock *into, const struct det_clock *from, uint32_t slot, uint32_t time)
{
    struct clock_node *const a = into->root, *const b = from->root;
    if (likely(a && b && a != b && a->level == 0 && b->level == 0 && slot < DET_FANOUT)) {
        learn_leaf(&into->root, b, slot, time);
        return;
    }
    det_clock_join(into, from); // first: it may find that `from` has it all
    det_clock_raise(into, slot, time);
}

void det_clock_copy(struct det_clock *into, const struct det_clock *from)
{
    if (into->root == from->root) return;
    struct clock_node *old = into->root;
    into->root = from->root ? node_ref(from->root) : NULL;
    if (old) node_unref(old);
}
void det_clock_drop(struct det_clock *c)
{
    if (c->root) node_unref(c->root);
    c->root = NULL;
}

static void each(const struct clock_node *n, uint32_t base, void (*fn)(uint32_t, uint32_t, void *), void *ctx)
{
    for (uint32_t i = 0; i < DET_FANOUT; i++) {
        const uint32_t at = base + (i << n->level * DET_FANOUT_BITS);
        if (n->level && n->kids[i]) each(n->kids[i], at, fn, ctx);
        if (!n->level && n->times[i]) fn(at, n->times[i], ctx);
    }
}
void det_clock_each(const struct det_clock *c, void (*fn)(uint32_t, uint32_t, void *), void *ctx)
{
    if (c->root) each(c->root, 0, fn, ctx);
}
uint64_t det_clock_nodes(void) { return leaves.live + inners.live; }
