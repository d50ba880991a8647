// object.c: memory of small.c's, in a section of its own.
#include "runtime/object.h"

#include "runtime/feed.h"
#include "runtime/rt.h"
#include "runtime/small.h"

void *rv__object_make(size_t bytes, const char *what)
{
    struct rv__g *const g = rv__enter();
    void *const p = rv__small_get(rv__small_here(), bytes);
    rv__leave(g);
    if (!p) rv__fatal("out of memory for %s", what);
    return p;
}
void rv__object_free(void *p, size_t bytes)
{
    struct rv__g *const g = rv__enter();
    rv__feed_forget(p, bytes);
    rv__small_put(rv__small_here(), p, bytes);
    rv__leave(g);
}
