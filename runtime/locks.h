// locks.h: what mutexes and rwmutexes have in common: a number each, and perhaps a name. locks.c and named.c have the ideas.
#ifndef RUNTIME_LOCKS_H
#define RUNTIME_LOCKS_H

#include "runtime/rt.h"

// A lock's `number`, atomic: 0: nobody has asked for it yet; NAMED: it is in the table of named ones.
#define RV__NAMED ((uint32_t)1 << 31)
static inline bool rv__lock_named(const uint32_t *number)
{
    return unlikely(base_load_relaxed(number) & RV__NAMED); // relaxed: a lock is named before it is used
}
uint32_t rv__lock_number(uint32_t *number); // gives it one, if it has none yet

// named.c, for a lock with a name: who calls wants it, has it (now, perhaps without having wanted it), lets go of it; does
// not want it any more. Outside of sections.
COLD void rv__named_wants(const void *lock, enum rv_lock_role role);
COLD void rv__named_has(const void *lock, enum rv_lock_role role);
COLD void rv__named_lets_go(const void *lock, enum rv_lock_role role);
COLD void rv__named_gives_up(const void *lock, enum rv_lock_role role);

// mutex.c and rwmutex.c, called by the program at pc.
void rv__mutex_lock_at(rv_mutex *m, uintptr_t pc);
void rv__mutex_unlock_at(rv_mutex *m, uintptr_t pc);
void rv__rwmutex_lock_at(rv_rwmutex *m, uintptr_t pc);
void rv__rwmutex_unlock_at(rv_rwmutex *m, uintptr_t pc);
void rv__rwmutex_rlock_at(rv_rwmutex *m, uintptr_t pc);
void rv__rwmutex_runlock_at(rv_rwmutex *m, uintptr_t pc);

#endif
