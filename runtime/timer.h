// timer.h: the timers of one P. timer.c has the idea and the invariants.
#ifndef RUNTIME_TIMER_H
#define RUNTIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/lock.h"

enum { RV__NEVER_BITS = 63 };
#define RV__NEVER INT64_MAX

struct rv__timers;
struct rv__timer {
    int64_t when;   // rv__now; guarded by the lock of home
    int64_t period; // 0: once
    // Runs inside a section, without the heap's lock, on the M that found it due. The timer may be freed in it, unless it has a period.
    void (*fire)(struct rv__timer *t, int64_t now);
    void *arg;
    struct rv__timers *home; // atomic: the heap that it is in, or NULL
    uint32_t index;          // in it; guarded by its lock
};
struct rv__timer_place { // of the heap: the key beside the pointer, so that a comparison touches no timer
    int64_t when;
    struct rv__timer *timer;
};
struct rv__timers {
    struct rv__lock lock;
    uint32_t n, capacity;         // guarded by lock
    int64_t next;                 // atomic: the earliest `when`, RV__NEVER when there is none; written under lock
    struct rv__timer_place *heap; // guarded by lock
};
void rv__timers_init(struct rv__timers *ts);
// Puts t (in no heap) into ts. True when it is the earliest there now.
bool rv__timer_add(struct rv__timers *ts, struct rv__timer *t);
// Takes t out of its heap. False: it is in none, so it has fired, is about to, or never started.
bool rv__timer_del(struct rv__timer *t);
// Fires what is due, earliest first, ties in the order of adding; returns how many. now: rv__now().
int rv__timers_run(struct rv__timers *ts, int64_t now);
void rv__timers_move(struct rv__timers *from, struct rv__timers *to); // all of them: from's P retires
static inline int64_t rv__timers_next(const struct rv__timers *ts)
{
    return base_load_relaxed(&ts->next); // relaxed: a hint; who acts on it takes the lock
}

#endif
