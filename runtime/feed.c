// feed.c: the runtime as the detectors see it.
//
// A goroutine is a strand: made by rv__g_make, begun and ended on its own stack, carried by the M that runs it. The
// scheduler says who is carried where it switches: in `bring`, before the switch, and before it goes to g0. Queues, locks and wake-ups of
// the runtime's own tell nothing, so they order nothing. What orders is told by the objects that the program calls, as
// passing through a place: the slot of a channel's ring, or, of a waiter, its G, where it leaves what it did, and finds what
// whoever completed its operation did. (That one passes through it. So a sender that finds a receiver waiting at an empty ring learns what that did before
// it waited, which Go's rules do not promise; it costs no false report.)
#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"

const struct base_detector *rv__feed;

__attribute__((weak, visibility("default"))) const struct base_detector *ravel_attach(const struct base_runtime *);

static struct base_runtime table = {
    // constant once given
    .size = sizeof table, .blocking_begin = rv__blocking_begin, .blocking_end = rv__blocking_end, .pin = rv__pin,
    .unpin = rv__unpin,   .mask_changed = rv__mask_changed,
};
void rv__feed_init(void)
{
    if (rv__seeded_on()) {
        table.point = rv__seeded_point_slow;
        table.give_way = rv__seeded_give_way;
    }
    const struct base_detector *d = ravel_attach ? ravel_attach(&table) : NULL;
    if (d && d->size == sizeof *d) rv__feed = d;
}
COLD void rv__feed_pass_slow(uintptr_t pc, const void *at) { rv__feed->pass(rv__feed->current(), pc, at, BASE_MUST); }
