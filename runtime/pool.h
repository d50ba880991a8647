// pool.h: pools of objects, for the files that age them. pool.c has the idea.
#ifndef RUNTIME_POOL_H
#define RUNTIME_POOL_H

#include "runtime/rt.h"

#ifdef RAVEL_TINY
enum { RV__MAGAZINE = 2 };
#else
enum { RV__MAGAZINE = 14 };
#endif
struct rv__magazine { // 128 bytes
    struct rv__magazine *next;
    uint64_t n;
    void *at[RV__MAGAZINE]; // [0, n) are objects. Their places are what the detectors know them by
};
// What one P has of one pool.
struct rv__pool_local {
    struct rv__magazine *now;           // the P's holder's, inside a section, while not claimed; else guarded by lock
    uint32_t claimed;                   // atomic: enum rv__pool_claim
    struct rv__lock lock;               // guards what follows
    struct rv__magazine *full, *victim; // lists; full: atomic for thieves that look before they lock
} __attribute__((aligned(64)));
enum rv__pool_claim { RV__UNCLAIMED, RV__CLAIMED, RV__CLAIMED_FOR_GOOD };

void rv__pools_age(void); // what was put since the last time but one, and not taken, is freed. Inside a section
void rv__pools_watch(int64_t now); // sysmon's, outside of a section: ages them every rv__pool_age_ns
uint64_t rv__pools_aged(void);     // how often that was done
bool rv__pools_hold(void);         // there is something that will have to be freed
void rv__pools_forget(void);       // rv_run is over
extern int64_t rv__pool_age_ns;    // tests make it small

#endif
