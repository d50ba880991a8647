// stream.h: a stream of events: what the generator makes, and the detector and the oracle read.
//
// An event is a call of detector/event.h as plain data. Strands are named by small numbers that are never used
// twice in a stream. A stream is text as well: one event a line, `T1 write addr=0x100008 size=4 pc=0x400010`,
// so that a failing one can be read, kept in tests/oracle/streams/, and replayed.
#ifndef ORACLE_STREAM_H
#define ORACLE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MAX_STRANDS = 256, // in one stream, dead ones included
    MAX_EVENTS = 2048, // in one stream
    MAX_HELD = 12,     // locks held by one strand
    MAX_DEPTH = 8,     // functions entered by one strand
    MAX_OBJECTS = 64,  // locks, conditions, barriers, atomics, other sync objects, blocks: of each
};

// Which words the flags of an event are written with.
enum flag_words { WORDS_NONE, WORDS_SYNC, WORDS_LOCK, WORDS_WAKE, WORDS_SIGNAL };

#define OPS(X)                                                                                                         \
    X(CREATE, create, NONE) /* other: the child */                                                                     \
    X(ROOT, root, NONE)     /* a strand that nobody we know created; strand: itself */                                 \
    X(START, start, NONE)   /* strand: the child itself */                                                             \
    X(FINISH, finish, NONE)                                                                                            \
    X(JOIN, join, NONE) /* other: the child, here and below */                                                         \
    X(DETACH, detach, NONE)                                                                                            \
    X(ABANDON, abandon, NONE)                                                                                          \
    X(READ, read, NONE)                                                                                                \
    X(WRITE, write, NONE)                                                                                              \
    X(RANGE_READ, range_read, NONE)                                                                                    \
    X(RANGE_WRITE, range_write, NONE)                                                                                  \
    X(ENTER, enter, NONE) /* pc: of the call; addr: the frame's stack address */                                       \
    X(EXIT, exit, NONE)                                                                                                \
    X(UNWIND, unwind, NONE) /* addr: the stack address that a longjmp goes to */                                       \
    X(IGNORE, ignore, NONE)                                                                                            \
    X(UNIGNORE, unignore, NONE)                                                                                        \
    X(LOAD, load, NONE) /* order */                                                                                    \
    X(STORE, store, NONE)                                                                                              \
    X(RMW, rmw, NONE)                                                                                                  \
    X(FENCE, fence, NONE)                                                                                              \
    X(ACQUIRE, acquire, SYNC)                                                                                          \
    X(RELEASE, release, SYNC)                                                                                          \
    X(PASS, pass, SYNC)                                                                                                \
    X(SYNC_DESTROY, sync_destroy, NONE)                                                                                \
    X(LOCK_CREATE, lock_create, LOCK)                                                                                  \
    X(LOCK_DESTROY, lock_destroy, NONE)                                                                                \
    X(REQUEST, request, LOCK)                                                                                          \
    X(LOCK, lock, LOCK)                                                                                                \
    X(UNLOCK, unlock, LOCK)                                                                                            \
    X(WAIT_BEGIN, wait_begin, NONE) /* the wait begins and lets mutex go */                                            \
    X(WAIT_END, wait_end, WAKE)     /* mutex is taken again and the wait ends */                                       \
    X(SIGNAL, signal, SIGNAL)                                                                                          \
    X(COND_DESTROY, cond_destroy, NONE)                                                                                \
    X(BARRIER_INIT, barrier_init, NONE) /* size: the count */                                                          \
    X(BARRIER_ENTER, barrier_enter, NONE)                                                                              \
    X(BARRIER_LEAVE, barrier_leave, NONE)                                                                              \
    X(BARRIER_DESTROY, barrier_destroy, NONE)                                                                          \
    X(ALLOC, alloc, NONE)                                                                                              \
    X(FREE, free, NONE)                                                                                                \
    X(UNMAP, unmap, NONE)

enum op {
#define X(op, name, words) OP_##op,
    OPS(X)
#undef X
        OP_COUNT
};
enum { FLAG_WOKEN = 1, FLAG_ALL = 1 };

struct event {
    enum op op;
    uint16_t strand; // whose event it is
    uint16_t other;  // the child
    int order;       // an __ATOMIC_* constant
    int flags;       // as the function takes them
    uintptr_t pc, addr;
    uintptr_t mutex; // of a condition wait
    size_t size;
};
struct stream {
    uint32_t max_time, stamp_limit; // what the detector is started with
    bool c20;
    uint32_t n;
    struct event e[MAX_EVENTS];
};

void stream_print(FILE *to, const struct stream *s);
void stream_print_event(FILE *to, const struct event *e);
// False, with a line on stderr, when the text is no stream.
bool stream_parse(FILE *from, const char *name, struct stream *s);

// The generator of random numbers: splitmix64.
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n); // 0 <= it < n
bool rng_chance(struct rng *r, uint32_t percent);

#endif
