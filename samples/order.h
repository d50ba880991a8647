// samples/order.h: fixes the order in which a sample's threads do their parts, unseen by the detectors.
//
// A race is there whatever the schedule, but some samples show it only when one thread comes first (a reader that
// comes too early finds no pointer to follow). A mutex or a join would fix the order and, being synchronisation,
// mend the bug. order_point() makes the threads meet without the detectors learning of it. In an ordinary build it
// does nothing, and the samples are then as unpredictable as their kind is in life.
#ifndef SAMPLES_ORDER_H
#define SAMPLES_ORDER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ORDER_IS_CHECKED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define ORDER_IS_CHECKED 1
#endif

#ifdef ORDER_IS_CHECKED
void __tsan_testonly_barrier_init(unsigned long long *barrier, unsigned count);
void __tsan_testonly_barrier_wait(unsigned long long *barrier);
static unsigned long long order_barrier;

// Before the threads start: how many there are.
static inline void order_init(unsigned threads) { __tsan_testonly_barrier_init(&order_barrier, threads); }
// Returns when all threads have come here. A thread that goes first calls it after its part, the others before theirs.
static inline void order_point(void) { __tsan_testonly_barrier_wait(&order_barrier); }
#else
static inline void order_init(unsigned threads) { (void)threads; }
static inline void order_point(void) {}
#endif

#endif
