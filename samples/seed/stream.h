// stream.h: the streams of 5.2, by hand: a channel of values, and stages between two of them, each a goroutine or several.
#ifndef STREAM_H
#define STREAM_H
#include "seed.h"

typedef void *mapper(void *value);
typedef bool predicate(void *value);
typedef void handler(void *value);

enum { STREAM_ROOM = 100 };

#ifdef MENDED
#include "stream_mended.h"
#else
#include "stream_faithful.h"
#endif
#endif
