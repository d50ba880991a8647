// storm.h: a thread that sends the signal of preemption to every M each 50 us, whatever it does.
#ifndef TESTS_RUNTIME_STORM_H
#define TESTS_RUNTIME_STORM_H

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/sched.h"

static uint32_t storm_left, storm_over; // atomic: signals to each M that are left, ~0: for ever; the end of the storm
static inline void *storm_main(void *arg)
{
    const struct timespec pause = {.tv_nsec = 50000};
    while (!base_load_acquire(&storm_over)) {
        const uint32_t left = base_load_relaxed(&storm_left); // relaxed: a figure
        for (struct rv__m *m = base_load_acquire(&rv__sched.all_m); m && left; m = m->all_next)
            if (base_load_acquire(&m->tid) && m->g != &m->hidden) rv__preempt_signal(m);
        if (left && left != ~0u) base_cas_acq_rel(&storm_left, &(uint32_t){left}, left - 1);
        nanosleep(&pause, NULL);
    }
    return arg;
}
static inline pthread_t storm_start(uint32_t signals)
{
    pthread_t t;
    base_store_relaxed(&storm_over, 0u);
    base_store_relaxed(&storm_left, signals);
    if (pthread_create(&t, NULL, storm_main, NULL)) abort();
    return t;
}
static inline void storm_end(pthread_t t)
{
    base_store_release(&storm_over, 1u);
    pthread_join(t, NULL);
}

#endif
