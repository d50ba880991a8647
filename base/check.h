// base/check.h: what must hold. CHECK is always on, ASSERT in debug builds, ASSERT_DEEP where RAVEL_DEEP is set.
// A failed check prints with write(2). In cli/, dev and test builds it aborts. In a release build inside a
// user's program it switches checking off (base_checks_off), says so once, and lets the program run on.
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/atomic.h"

// Called when one of our own invariants is broken. Returns only in a release build inside a user's program.
COLD void base_check_failed(const char *file, int line, const char *what);

// What a release build does on a failed check: set by instrument/ at start; NULL means abort.
extern void (*base_check_give_up)(const char *file, int line, const char *what);

#define CHECK(c) (likely(c) ? (void)0 : base_check_failed(__FILE__, __LINE__, #c))
#ifdef RAVEL_DEBUG
#define ASSERT(c) CHECK(c)
#else
#define ASSERT(c) ((void)sizeof(!(c)))
#endif
#ifdef RAVEL_DEEP
#define ASSERT_DEEP(c) CHECK(c)
#else
#define ASSERT_DEEP(c) ((void)sizeof(!(c)))
#endif

#endif
