// detector/objects.h: the object types that live at program addresses (found through sync.h).
#ifndef DETECTOR_OBJECTS_H
#define DETECTOR_OBJECTS_H

#include "detector/locks.h"
#include "detector/sync.h"

// What an atomic's value carries: the publications that a load of it acquires. Each belongs to the release sequence
// of one strand; a store by another strand breaks all sequences but its own (atomic.c). `all` is their join.
struct det_head {
    uint32_t strand; // det_strand_record.id
    struct det_release release;
};
struct det_sync {
    struct det_object object;
    struct det_release all;
    struct det_head *heads; // nheads of them, unless there is just one: then `all` is its release, sole_head its strand
    uint32_t nheads, cap;
    uint32_t sole_head;
};
struct det_cond {
    struct det_object object;
    uint32_t waiters;
    struct det_release signals;
};
struct det_generation {
    struct det_generation *next;
    uint64_t number;
    uint32_t entered, left;
    struct det_release release;
};
struct det_barrier {
    struct det_object object;
    uint32_t count;
    uint64_t filling; // number of the generation that is entered now
    struct det_generation *generations;
};
struct det_heap { // a block, or what remains of it until its memory is handed out again
    struct det_object object;
    size_t size;
    uint32_t allocated; // stack node
    bool freed;
    uint32_t strand; // who allocated it: its id
};

void det_sync_clear(struct det_sync *o); // atomic.c
void det_barrier_clear(struct det_barrier *b);
void det_release_merge(struct det_release *into, const struct det_release *from);
void det_release_copy(struct det_release *into, const struct det_release *from);
// All objects in the range are gone, except what is kept: all heap blocks, or the one that begins where the range does.
enum det_keep { DET_KEEP_NOTHING, DET_KEEP_BLOCKS, DET_KEEP_FIRST };
void det_objects_forget(uintptr_t addr, size_t size, enum det_keep what);
uint64_t det_objects_count(enum det_object_type type);
void det_objects_reset(void);

#endif
