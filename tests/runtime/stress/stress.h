// stress.h: a round of the stress program: actors that do random things, and a ledger in which everything must balance.
//
// A round has ACTORS goroutines, each of which does STEPS acts out of a table, chosen by its own generator, and leaves
// children that do fewer. What acts hand over is entered twice, by who gives and by who gets; when all have ended both
// columns must agree. The work is decided by the seed alone; what meets what, by the schedule.
#ifndef TESTS_RUNTIME_STRESS_H
#define TESTS_RUNTIME_STRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "include/ravel.h"

enum { ACTORS = 64, STEPS = 40, CHANNELS = 8, CONSUMERS = 3 };

struct column {
    _Atomic uint64_t count, sum;
};
struct account {
    struct column given, got;
};
enum account_of { TOKENS, GOROUTINES, TIMERS, BYTES, REPLIES, ACCOUNTS };

struct round {
    uint64_t seed;
    rv_chan *channels[CHANNELS]; // tokens; of capacities 0 to 7
    rv_waitgroup actors, consumers;
    struct account ledger[ACCOUNTS];
    int port; // of the echo server
};

struct actor {
    struct round *round;
    uint64_t random;
    int steps;
    int generation; // 0: of the round itself; children have one more
};

uint64_t next_random(uint64_t *state); // splitmix64
static inline uint64_t below(struct actor *a, uint64_t n) { return next_random(&a->random) % n; }

static inline void enter(struct column *c, uint64_t value)
{
    atomic_fetch_add_explicit(&c->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->sum, value, memory_order_relaxed);
}
static inline void give(struct round *r, enum account_of what, uint64_t value) { enter(&r->ledger[what].given, value); }
static inline void get(struct round *r, enum account_of what, uint64_t value) { enter(&r->ledger[what].got, value); }

// Ends the program, with the seed, unless ok.
#define EXPECT(ok) ((ok) ? (void)0 : failed(__FILE__, __LINE__, #ok))
_Noreturn void failed(const char *file, int line, const char *what);

extern _Atomic uint64_t steps_done; // for the watchdog
extern bool alone;                  // constant: no plain thread takes part

void act(struct actor *a); // one step: acts.c
void send_token(struct round *r, rv_chan *ch, uint64_t token);
void start_actor(struct round *r, uint64_t random, int steps, int generation);
void run_round(struct round *r);

// talk.c: acts over sockets and pipes.
void talk_tcp(struct actor *a);
void talk_pair(struct actor *a);
void talk_pipe(struct actor *a);
int start_echo_server(void); // returns its port
void stop_echo_server(void);

// watch.c: what stands by. The watchdog ends a program that makes no progress, with all its goroutines on stderr.
void start_watchdog(void);
long rss_kib(void);

#endif
