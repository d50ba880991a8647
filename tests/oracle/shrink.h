// shrink.h: makes a failing stream small.
#ifndef ORACLE_SHRINK_H
#define ORACLE_SHRINK_H

#include "stream.h"

// Drops events as long as the stream stays legal and `fails` stays true of it.
void shrink(struct stream *s, bool (*fails)(const struct stream *s, void *ctx), void *ctx);

#endif
