// world.h: what is so in the program at one point of a stream, and so which events may come next.
//
// The world is a program that obeys the rules: a lock is taken only when it is free, a barrier lets go when its
// last strand has come, a joined strand has finished. The generator proposes events and keeps the legal ones;
// the shrinker drops events and keeps what is still legal. The oracle asks it who holds what.
#ifndef ORACLE_WORLD_H
#define ORACLE_WORLD_H

#include "stream.h"

struct held {
    uintptr_t lock;
    uint32_t count; // takings not yet undone
    bool read;
};
enum strand_state {
    STRAND_UNBORN,
    STRAND_CREATED, // not started yet
    STRAND_RUNNING,
    STRAND_FINISHED, // not joined yet
    STRAND_GONE,
};
struct world_strand {
    enum strand_state state;
    bool detached;
    uintptr_t wants; // a requested lock: it can only be acquired now
    bool wants_read;
    uintptr_t cond, mutex; // in a condition wait: it can only end now
    uintptr_t barrier;     // inside a barrier: it can only leave now
    uint32_t round;        // of the barrier when it was entered
    uint32_t ignore;       // regions not ended
    uint32_t nheld, depth;
    struct held held[MAX_HELD];
    uintptr_t frame_pc[MAX_DEPTH], frame_sp[MAX_DEPTH]; // [0] is the outermost
};
enum object_kind { OBJECT_LOCK, OBJECT_COND, OBJECT_BARRIER, OBJECT_BLOCK };
struct world_object {
    enum object_kind kind;
    uintptr_t addr;
    size_t size;            // of a block
    int flags;              // of a lock, with which it was created
    bool created;           // a lock by lock_create, not by its first use
    uint32_t count, inside; // of a barrier; strands inside it
    uint32_t here, round;   // of a barrier: strands that came in this round
};
struct world {
    struct world_strand strand[MAX_STRANDS];
    uint32_t running; // strands
    uint32_t nobjects;
    struct world_object object[4 * MAX_OBJECTS];
};

bool world_legal(const struct world *w, const struct event *e);
// e is legal.
void world_apply(struct world *w, const struct event *e);
struct world_object *world_find(const struct world *w, enum object_kind kind, uintptr_t addr);
// Running and not waiting for anything.
bool world_free_to_act(const struct world_strand *s);
const struct held *world_held(const struct world_strand *s, uintptr_t lock);

#endif
