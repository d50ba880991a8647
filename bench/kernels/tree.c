// tree.c: each thread inserts random keys into a binary search tree of its own, one malloc a node, and frees it.
#include "kernel.h"

struct node {
    struct node *child[2];
    uint32_t key, count;
};

static void insert(struct node **at, uint32_t key)
{
    while (*at != NULL) {
        if ((*at)->key == key) {
            (*at)->count++;
            return;
        }
        at = &(*at)->child[key > (*at)->key];
    }
    struct node *n = must(malloc(sizeof *n));
    *n = (struct node){.key = key, .count = 1};
    *at = n;
}

static uint64_t destroy(struct node *n)
{
    if (n == NULL) return 0;
    const uint64_t sum = destroy(n->child[0]) * 3 + destroy(n->child[1]) * 5 + n->key + n->count;
    free(n);
    return sum;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct node *root = NULL;
    uint64_t state = (uint64_t)w->id + 9;
    for (unsigned i = 0; i < w->n; i++) insert(&root, next_random(&state) >> 12);
    w->sum = destroy(root);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 120000));
    return 0;
}
