// timer.h: the timers of one P. timer.c has the idea and the invariants.
#ifndef RUNTIME_TIMER_H
#define RUNTIME_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/lock.h"

#define RV__NEVER INT64_MAX

struct rv__timers;
struct rv__timer {
    int64_t when;   // rv__now; set while it is in no heap, then guarded by the lock of home
    int64_t period; // 0: once. Otherwise fire calls rv__timer_again
    // Runs inside a section, without the heap's lock, on the M that found it due. Nothing touches the timer after it
    // has returned (or has called rv__timer_again), so it may be freed in it. It takes no lock that is held around
    // rv__timer_run.
    void (*fire)(struct rv__timer *t, int64_t now);
    void *arg;
    struct rv__timers *home; // atomic: the heap that it is in, NULL, or RV__FIRING
    uint64_t seq;            // order of adding, for ties; guarded by the lock of home
    uint32_t index;          // in the heap; guarded by its lock
};
// The home of a timer with a period while its fire is about to run, or runs.
#define RV__FIRING    ((struct rv__timers *)1)
#define RV__FORGOTTEN UINT32_MAX // an index that says it

struct rv__timer_place { // of the heap: the key beside the pointer, so that a comparison touches no timer
    int64_t when;
    struct rv__timer *timer;
};
struct rv__timers {
    struct rv__lock lock;
    uint32_t n, capacity;         // guarded by lock
    int64_t next;                 // atomic: the earliest `when`, RV__NEVER when there is none; written under lock
    struct rv__timer_place *heap; // guarded by lock
    uint64_t seq;                 // above that of every timer in the heap; guarded by lock
};
void rv__timers_init(struct rv__timers *ts);
void rv__timers_clear(struct rv__timers *ts); // forgets all timers, untouched: they never fire
// Puts t (in no heap) into ts. True when it is the earliest there now.
bool rv__timer_add(struct rv__timers *ts, struct rv__timer *t);
// Takes t out of its heap; nothing touches it afterwards. False: it is in none, so it has fired, is about to, or never
// started; one with a period that is about to fire does so once more, and its rv__timer_again will be refused.
bool rv__timer_del(struct rv__timer *t);
// After a del that said false: rv__timers_clear had forgotten it, and no fire will come.
static inline bool rv__timer_forgotten(const struct rv__timer *t) { return t->index == RV__FORGOTTEN; }
// For the fire of a timer with a period: puts it into ts, due at the first multiple of its period after `now`, counted
// from when it was due: ticks that are late by a period or more are dropped. False: rv__timer_del came first.
bool rv__timer_again(struct rv__timers *ts, struct rv__timer *t, int64_t now);
// Fires what is due, earliest first, ties in the order of adding; returns how many. now: rv__now().
int rv__timers_run(struct rv__timers *ts, int64_t now);
void rv__timers_move(struct rv__timers *from, struct rv__timers *to); // all of them: from's P retires
void rv__timers_check(const struct rv__timers *ts); // the invariants of timer.c; the caller has the lock
static inline int64_t rv__timers_next(const struct rv__timers *ts)
{
    return base_load_relaxed(&ts->next); // relaxed: a hint; who acts on it takes the lock
}

#endif
