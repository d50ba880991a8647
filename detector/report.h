// detector/report.h: a finding as plain data. The detector decides and collects into these; printing has no logic.
// Every array is owned by the report and lives as long as it does (until the sink returns).
#ifndef DETECTOR_REPORT_H
#define DETECTOR_REPORT_H

#include "detector/event.h"

enum { DET_STACK_MAX = 128 }; // frames kept of one stack in a report; deeper ones keep the innermost

struct det_stack {
    uint32_t n;
    bool cut;                    // there were more, outer, frames
    uintptr_t pc[DET_STACK_MAX]; // [0] innermost; return addresses (symbolise pc - 1)
};

enum det_report_kind { DET_REPORT_RACE, DET_REPORT_FREE_RACE /* one side is free() */, DET_REPORT_LOCK_CYCLE };
enum { DET_HELD_MAX = 32 };

struct det_held {  // a lock held by one side
    uint32_t lock; // index into det_report.locks
    bool read;     // held shared
};
enum det_origin { DET_BY_PROGRAM, DET_BY_MALLOC, DET_BY_FREE };
enum det_sync_what {
    DET_SYNC_UNKNOWN,
    DET_SYNC_START, // of the strand itself
    DET_SYNC_CREATE,
    DET_SYNC_JOIN,
    DET_SYNC_LOCK,
    DET_SYNC_READ_LOCK, // LOCK + 1
    DET_SYNC_UNLOCK,
    DET_SYNC_READ_UNLOCK, // UNLOCK + 1
    DET_SYNC_RELOCK,      // at the end of a condition wait
    DET_SYNC_WAIT,        // a condition wait was woken, and wants its mutex
    DET_SYNC_SIGNAL,
    DET_SYNC_BROADCAST,
    DET_SYNC_BARRIER,
    DET_SYNC_RELEASE, // of anything else: a semaphore, a pipe
    DET_SYNC_ACQUIRE,
    DET_SYNC_ATOMIC_RELEASE, // may have acquired as well
    DET_SYNC_ATOMIC_ACQUIRE,
    DET_SYNC_FENCE,
    DET_SYNC_KINDS
};
enum det_sync_object { DET_SYNC_OF_NOTHING, DET_SYNC_OF_LOCK, DET_SYNC_OF_STRAND, DET_SYNC_OF_ADDRESS };
struct det_last_sync {
    enum det_sync_what what; // UNKNOWN: and the rest says nothing
    bool or_later;           // the strand synchronised again soon after, maybe before the access too
    enum det_sync_object of;
    uint32_t index; // into locks or strands
    uintptr_t addr;
    struct det_stack stack; // n == 0: unknown, or a start
};
struct det_side {    // one access of a race
    uint32_t strand; // index into det_report.strands
    enum det_kind kind;
    enum det_origin origin;
    uintptr_t addr; // first byte this side touched
    size_t size;
    struct det_stack stack;
    uint32_t nheld;
    struct det_held held[DET_HELD_MAX];
    bool held_cut;
    struct det_last_sync last_sync; // the strand's last synchronisation before the access
};
struct det_strand_info {
    uint32_t id;    // det_strand_id
    bool forgotten; // a goroutine that ended long ago: nothing else is known
    uint64_t goid;  // of a goroutine; 0: a thread
    int tid;
    char name[64];
    bool running; // false: has finished
    bool has_parent;
    uint32_t parent_id;
    uint64_t parent_goid;
    char parent_name[64];
    struct det_stack created; // n == 0: unknown, or the main strand
};
struct det_lock_info {
    uint32_t id; // M<id> in reports: in order of creation
    uintptr_t addr;
    int flags; // DET_LOCK_RW ...
    bool destroyed;
    struct det_stack created; // where it was created or, if that was not seen, first taken
};
enum det_where {
    DET_WHERE_UNKNOWN,
    DET_WHERE_HEAP,
    DET_WHERE_STACK,
    DET_WHERE_GLOBAL /* filled in by symbolising */,
    DET_WHERE_TLS
};
struct det_location {
    enum det_where where;
    uintptr_t addr; // start of the block or stack
    size_t size;
    uint32_t strand; // who allocated it, or whose stack it is: index into strands
    bool freed;
    struct det_stack allocated;
};
struct det_edge {      // of a lock cycle: lock `to` was wanted or taken while `from` was held
    uint32_t from, to; // index into locks
    bool from_read, to_read;
    uint32_t strand;
    struct det_stack from_stack, to_stack; // where each was taken
};
enum det_cycle_class {
    DET_CYCLE_FEASIBLE,
    DET_CYCLE_ORDERED,
    DET_CYCLE_GUARDED,
    DET_CYCLE_SINGLE_STRAND,
    DET_CYCLE_READ_READ
};

struct det_report {
    enum det_report_kind kind;
    uintptr_t addr;          // race: first byte on which both sides meet
    size_t size;             // race: how many bytes they share
    struct det_side side[2]; // [0] is the access just made, [1] the earlier one
    struct det_location location;
    struct det_edge *edges; // cycle: edges[i].to == edges[i + 1].from, the last leads back to the first
    uint32_t nedges;
    enum det_cycle_class cycle_class; // only FEASIBLE reaches the sink; the others are counted
    struct det_strand_info *strands;
    uint32_t nstrands;
    struct det_lock_info *locks;
    uint32_t nlocks;
};

#endif
