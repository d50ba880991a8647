// world.h: all threads stand still for a moment, while somebody makes a copy of the process. world.c has the idea.
#ifndef RUNTIME_WORLD_H
#define RUNTIME_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { RV__THREADS = 1024 };
struct rv__thread {      // another thread of the process
    int tid;             // constant while the world is stopped, as all of this
    const void *context; // atomic: its ucontext_t; NULL: it does not stand still
    uintptr_t tp;        // its thread pointer
    uintptr_t sp; // its stack pointer, where there is no context, and it sleeps in the kernel; 0: that is not known
};
struct rv__world {
    uint32_t stopped; // atomic, futex: 1: who gets the signal waits
    uint32_t n;       // of threads
    uint32_t
        unknown; // threads that did not stop in time, or have no place here: what their registers hold is not known
    struct rv__thread threads[RV__THREADS];
};
extern struct rv__world rv__world;

// Stops all threads but this one and the runtime's helpers. False: somebody else does so just now. From here to the start the caller
// takes no lock, and waits for nobody. Any thread; a signal handler, too.
bool rv__world_stop(void);
void rv__world_start(void);

// For the threads that stop: in the signal's handler, and sysmon in its section.
void rv__world_wait(const void *context);
void rv__world_pass(uint32_t *seq);

#endif
