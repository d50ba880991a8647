// local.h: what few goroutines have, and what dumps say about it. local.c has the idea.
#ifndef RUNTIME_LOCAL_H
#define RUNTIME_LOCAL_H

#include "runtime/rt.h"

enum { RV__KEYS = 128 };

struct rv__deferred {
    struct rv__deferred *next;
    rv_fn *fn;
    void *arg;
};

#endif
