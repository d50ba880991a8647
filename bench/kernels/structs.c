// structs.c: each thread moves its own particles: structs of int, short and char fields, read and written one by one.
#include "kernel.h"

enum { COUNT = 40000, BOX = 1 << 20 };

struct particle {
    int x, y, z;
    int vx, vy, vz;
    unsigned hits;
    short spin;
    unsigned char colour, age;
};

static void bounce(int *at, int *speed, unsigned *hits)
{
    *at += *speed;
    if (*at >= 0 && *at < BOX) return;
    *speed = -*speed;
    *at += *speed;
    ++*hits;
}

static void step(struct particle *p)
{
    bounce(&p->x, &p->vx, &p->hits);
    bounce(&p->y, &p->vy, &p->hits);
    bounce(&p->z, &p->vz, &p->hits);
    p->spin = (short)(p->spin + p->vx);
    if (++p->age == 100) p->colour ^= (unsigned char)p->spin;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct particle *p = must(calloc(COUNT, sizeof *p));
    uint64_t state = (uint64_t)w->id + 7;
    for (unsigned i = 0; i < COUNT; i++) {
        p[i].x = (int)(next_random(&state) % BOX);
        p[i].vx = (int)(next_random(&state) % 4096);
        p[i].vy = (int)(next_random(&state) % 4096);
        p[i].vz = (int)(next_random(&state) % 4096);
    }
    for (unsigned round = 0; round < w->n; round++)
        for (unsigned i = 0; i < COUNT; i++) step(&p[i]);
    for (unsigned i = 0; i < COUNT; i++) w->sum = mix(w->sum + (unsigned)p[i].x + p[i].hits + p[i].colour);
    free(p);
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 200));
    return 0;
}
