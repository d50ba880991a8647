// detector/strand.h: one line of execution.
//
// Two kinds. A thread's strand comes with a carrier: all that a strand needs while it runs and can do without while it does
// not (some 100 KiB: what it computed before, space for stamps' records, ownership of shadow pages). A light strand, a
// goroutine, has none. It borrows that of the thread that carries it, so it is small and quickly made: a page in all, with
// its first shadow frames. While nobody carries it, no event may come for it, and what comes is refused.
// What carriers remember is true for any strand, since it is named by stamps, which belong to one strand each; where it is
// not it is cleared when the strand changes (det_strand_carry).
//
// Time. A strand's own time is not in its tree, or is an earlier one there: what its children know. Whatever is stamped with an epoch (access, atomic, lock
// request) is stamped with the current time. A release publishes time - 1, after a tick if anything was stamped or
// learned since the last tick; nothing else ticks. So (a) what comes after a release has a later time than it
// published, (b) two publications under one time carry the same tree.
//
// Sections. A strand is in a section while it works on the detector's shared structures. det_enter refuses a strand
// that is inside already (a signal handler that interrupted it). A sweep stops the world: it sets det_stopping,
// calls membarrier, and waits until no strand is in a section; a strand that enters afterwards sees the flag.
//     strand: in = 1; [compiler barrier]; read det_stopping       sweep: det_stopping = 1; membarrier; read in
// membarrier puts the StoreLoad fence that the strand's side lacks into every running thread.
#ifndef DETECTOR_STRAND_H
#define DETECTOR_STRAND_H

#include "base/check.h"
#include "detector/clock.h"
#include "detector/event_inline.h"
#include "detector/history.h"
#include "detector/locks.h"
#include "detector/sync.h"

// What is known of a strand after it is gone. A light strand's is forgotten by a sweep, once it has ended, nothing names it and
// many have ended since; so whoever keeps one longer than a section keeps its id.
struct det_strand_record {
    uint32_t id, parent; // parent: id, or DET_NO_SLOT
    int tid;
    bool finished;    // atomic
    bool named;       // a slot names it: the sweep under way found so
    uint32_t created; // stack node
    uint32_t labels;  // of the lock-order graph that name it; guarded by the graph's lock
    uint64_t goid;    // of a goroutine; 0: a thread
    uintptr_t stack_lo, stack_hi;
    struct det_strand_record *stack_next; // strand_at.c's; guarded by det_strands_lock
    char name[32];
    struct det_strand_record *next; // of a light one that has finished: the one that finished after it
    struct det_history *history;    // the strand's, or what is kept of it, or NULL; guarded by det_strands_lock
};

#ifdef RAVEL_TINY
enum {
    DET_STAMP_CACHE = 4,
    DET_MEMO_CACHE = 4,
    DET_NODE_CACHE = 4,
    DET_MOSAIC_CACHE = 4,
    DET_SEEN_CACHE = 4,
    DET_RECORD_CACHE = 4
};
#else
enum {
    DET_STAMP_CACHE = 1024, // one function of a compressor, inlined into itself, has several hundred sites
    DET_MEMO_CACHE = 2048,
    DET_NODE_CACHE = 256,
    DET_MOSAIC_CACHE = 512,
    DET_SEEN_CACHE = 64,
    DET_RECORD_CACHE = 1024
};
#endif
enum { DET_WAYS = 4 }; // places in a set of the stamp and mosaic caches
struct det_stamp_key { // a stamp of the current epoch, found again; or of an earlier one, whose site is still right
    uintptr_t pc;
    uint32_t node, chain;
    uint32_t what;  // kind, origin, size
    uint32_t stamp; // 0: empty
    uint32_t site;
};
struct det_memo { // (cell, stamp, mask) -> cell, computed before, without a race
    uint64_t old, new_;
    uint32_t stamp, mask; // stamp 0: empty
};
struct det_record_maker { // stamp.c
    uint32_t next, end;   // record space of its own
    uint32_t lately[DET_RECORD_CACHE];
};
// Thread-local variables of the thread. Whoever of the strands that it carries touches them comes after who did before: they
// stand for what the program keeps for the thread, and one at a time uses.
struct det_tls_block {
    uintptr_t lo;
    size_t size; // 0: nobody but the thread has ever run there
    struct det_release left;
};
struct det_node_key { // (parent, pc) -> trie node
    uintptr_t pc;
    uint32_t parent, node; // node 0: empty
};

struct det_carrier {                 // used by the strand that it carries, unless it says otherwise
    struct det_strand *strand;       // that it carries; atomic: read by sweeps and by who takes pages
    struct det_strand *thread;       // whose it is; constant
    struct det_carrier *prev, *next; // of all whose threads live, guarded by det_strands_lock
    uint32_t tag;       // as the owner of shadow pages (owner.h); constant, also when the memory is another thread's
    uint32_t credit;    // what it may pay for pages of others
    uint32_t taken_run; // how many it took last, at once
    bool marked;        // there is something in seen or wants, which are of one strand
    bool idle;          // the thread's own strand does nothing before it acquires something; see det_strand_carry
    struct det_tls_block tls;
    struct det_stamp_key stamps[DET_STAMP_CACHE];
    struct det_memo memo[DET_MEMO_CACHE];
    struct det_node_key nodes[DET_NODE_CACHE];
    uint32_t mosaics[DET_MOSAIC_CACHE]; // stamps
    struct det_record_maker records;
    struct det_chain_key chains[DET_CHAIN_CACHE];
    struct det_want_key wants[DET_WANT_CACHE];
    uint64_t seen[2][DET_SEEN_CACHE]; // by kind: records that hold these bytes of mine in this epoch, see access.c
};

struct det_strand {
    struct det_strand_hot hot; // first: event_inline.h
    uint32_t in;               // see DET_WAITING; the strand's, read by sweeps and by who takes pages
    uint32_t ignore;           // depth of ignore regions
    uint32_t tag;              // its carrier's
    uint32_t slot, time;
    bool stamped, learned; // since the last tick
    bool finished;
    bool detached;
    bool light;                  // constant
    bool frames_mapped;          // the shadow stack is a mapping of its own
    struct det_carrier *carrier; // its own, or, of a light one, who carries it or carried it last
    struct det_clock clock, must;
    uint32_t must_published;  // counts what fed must clocks of others: DET_MUST publications, creations (lockgraph.c)
    struct det_release fence; // what the last release fence published
    bool fenced;
    struct det_release pending;     // what relaxed loads read, for an acquire fence
    struct det_release exit;        // left at the finish, for join
    uint32_t run_next, run_end;     // plain stamps: next index, end of the run
    uint32_t run_grow;              // of a light one: how long its last run was
    uint32_t epoch_size;            // plain stamps of the epoch, also those that no longer hit, or of the one before
    uint32_t other_lo, other_n;     // the same for atomic, allocation and free stamps of this epoch
    uint32_t other_next, other_end; // atomic, allocation and free stamps
    uint32_t base_node;             // stack node that the shadow stack stands on
    struct det_history history;
    struct det_held_set held;
    struct det_strand_record *record;
    struct det_strand *awaits;      // blocked in a join on it; atomic; see det_strand_await
    uint32_t awaits_id;             // its id: its memory may have become another strand's when nobody looked
    struct det_strand *prev, *next; // of all that live, guarded by det_strands_lock
};

// Of det_strand.in: 0 outside, 1 in a section, DET_WAITING in one, but in no window of owner.h.
enum { DET_WAITING = 2, DET_REPORTING = 1 << 16 };
extern uint32_t det_stopping;     // atomic: a sweep wants the world to stop
extern bool det_need_fence;       // constant after init: no membarrier here
extern struct det_config det_cfg; // constant after init
extern struct det_strand det_nobody;

void det_enter_slow(struct det_strand *s); // waits for the sweep to end
// False: s is inside already, or is nobody; the event is dropped (and counted).
bool det_enter_refused(struct det_strand *s);
static inline bool det_enter(struct det_strand *s)
{
    if (unlikely(s->in != 0)) return det_enter_refused(s);
    base_store_relaxed(&s->in, 1u); // relaxed: ordered by membarrier, see above
    if (unlikely(det_need_fence)) base_fence_seq_cst();
    base_compiler_barrier();
    if (unlikely(base_load_acquire(&det_stopping))) det_enter_slow(s); // acquire: sees what the sweep did
    return true;
}
static inline void det_leave(struct det_strand *s)
{
    base_store_release(&s->in, 0u); // release: pairs with the sweep's acquire of in
}

// This epoch now names something.
static inline void det_stamped(struct det_strand *s) { s->stamped = true; }
// Makes the next publication cover all that was stamped; returns the time to publish.
uint32_t det_publish_time(struct det_strand *s);
// True when what (slot, time) names happened before what s does now.
static inline bool det_knows(const struct det_strand *s, uint32_t slot, uint32_t time)
{
    return slot == s->slot || det_clock_get(&s->clock, slot) >= time;
}
// By slot: its first time since it was taken by a strand that need not know what its former owners did (strand.c).
extern uint32_t *det_slot_since; // constant after init; the entries are atomic
// True when s knows all that was published as (slot, time), its tree included. To know the time is enough, except for a
// publication of an owner before `since`: later owners of the slot did not know its tree. Relaxed: who knows a
// time of a later owner has acquired it from there, and so sees the entry. Time 0: nothing was published.
static inline bool det_knows_publication(const struct det_strand *s, uint32_t slot, uint32_t time)
{
    return time == 0 || (det_knows(s, slot, time) && time >= base_load_relaxed(&det_slot_since[slot]));
}
static inline bool det_knows_must(const struct det_strand *s, uint32_t slot, uint32_t time)
{
    return slot == s->slot || det_clock_get(&s->must, slot) >= time;
}
static inline bool det_knows_must_publication(const struct det_strand *s, uint32_t slot, uint32_t time)
{
    return time == 0 || (det_knows_must(s, slot, time) && time >= base_load_relaxed(&det_slot_since[slot]));
}
uint32_t det_current_node_slow(struct det_strand *s);
// The node of the function that s is in: frames entered since the last time are interned now.
static inline uint32_t det_current_node(struct det_strand *s)
{
    const struct det_frame *f = s->hot.frame;
    if (likely(f > s->hot.frame_lo && f[-1].node != 0)) return f[-1].node;
    return det_current_node_slow(s);
}
// s has just synchronised, at pc called from node (pc 0: node is the whole stack). What it is stamped with from now on
// comes after it. Every tick is followed by a call, before the next stamp.
static inline void det_history_note(struct det_strand *s, enum det_sync_what what, uintptr_t object, uintptr_t pc,
                                    uint32_t node)
{
    const struct det_synced e = {.time = s->time,
                                 .what = what,
                                 .plain = s->run_next,
                                 .other = s->other_next,
                                 .chain = s->held.chain,
                                 .node = node,
                                 .pc = pc,
                                 .object = object};
    det_history_add(&s->history, &e);
}
static inline void det_history_note_at(struct det_strand *s, enum det_sync_what what, uintptr_t object, uintptr_t pc)
{
    det_history_note(s, what, object, pc, det_current_node(s));
}
// The stack node of s in its current function, called at pc: shadow frames, else libunwind.
uint32_t det_stack_of(struct det_strand *s, uintptr_t pc);
// Who had slot at that time, which a stamp names: its id.
uint32_t det_strand_who(uint32_t slot, uint32_t time);
// NULL: forgotten. Good until the section ends.
struct det_strand_record *det_strand_record(uint32_t id);
// Fills *out for the strand of that id, with as little as the id if it is forgotten.
void det_strand_info(uint32_t id, struct det_strand_info *out);
// Gives a finding to the sink; s is in a section, which is left while the sink runs. After it nothing that was read
// from shared structures before may be trusted.
void det_deliver(struct det_strand *s, struct det_report *r);

#endif
