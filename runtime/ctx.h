// ctx.h: what waits of the runtime's own need of contexts: to end when one is done. ctx.c has the idea and the invariants.
#ifndef RUNTIME_CTX_H
#define RUNTIME_CTX_H

#include "runtime/rt.h"

struct rv__waiter;

// What a cancellation has brought about so far, to be done once no lock is held.
struct rv__ending {
    struct rv__glist ready, fresh;     // goroutines to be made ready; that were made, and are to be launched
    struct rv__waiter *drained, **end; // of channels that were closed
    uintptr_t pc;                      // of the program's call; 0: a deadline has passed
};
// Somebody in a context's list. tell is called once, when that is done, inside a section and under its lock; by then the watch
// is in no list.
struct rv__watch {
    struct rv__watch *next, **link; // guarded by the context's lock; link NULL: in no list
    void (*tell)(struct rv__watch *w, int err, struct rv__ending *e);
};

// A wait that its object's wake or its context may end, on the stack of who waits:
//     rv__wait_begin;  lock the object;  if it is not decided: queue, and rv__park_begin;  unlock;  rv__park;  rv__wait_end.
//   (1) `decided` goes from 0 to 1 by one compare-and-swap: who wakes claims the wait before he counts on it, and who cancels claims it
//       before he touches the object. So the object of a wait that was woken may be gone before the wait returns.
//   (2) Who wakes, and finds one that is decided already, takes it out and passes it over. Who cancelled takes the object's lock after
//       his claim, and makes it ready if it has parked; if it has not, it will see under the lock that it is decided, and not queue.
// Locks, outermost first: context, object. So a wait begins and ends with its object unlocked.
struct rv__wait {
    struct rv__watch watch;
    rv_ctx *ctx; // NULL: it has none
    struct rv__g *g;
    void *object, *place; // where it waits, and what is in the queue there: for leave
    // Locks the object. If it is parked: takes it out of the queue, if it is still there, and appends g to *out. With whoever may go on
    // because of that.
    void (*leave)(struct rv__wait *w, struct rv__glist *out);
    uint32_t decided; // atomic
    int err;          // the context's, if that decided; else 0
    bool parked;      // it has queued; under the object's lock
};
// 0; or the context is done: its error, and no wait has begun. Inside a section, as all of these but rv__ctx_err.
int rv__wait_begin(struct rv__wait *w);
// Its context no longer knows it. got: it has what it wants without having parked, whatever the context says by now. 0, or the error of
// the context that ended it.
int rv__wait_end(struct rv__wait *w, bool got);
// It was woken, and is to wait once more. If the context is done meanwhile it stays decided.
void rv__wait_again(struct rv__wait *w);
static inline bool rv__wait_claim(struct rv__wait *w)
{
    uint32_t undecided = 0;
    // acq_rel: what either side did before, for the other; in one order with who looks whether it is decided
    return base_cas_acq_rel(&w->decided, &undecided, 1u);
}
static inline bool rv__wait_decided(const struct rv__wait *w)
{
    return base_load_acquire(&w->decided) != 0; // acquire: pairs with the claim
}

// Outside of a section: 0, or why ctx (which may be NULL) is done, after whoever cancelled it.
int rv__ctx_err(const rv_ctx *ctx, uintptr_t pc);

#endif
