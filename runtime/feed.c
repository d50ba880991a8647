// feed.c: the runtime as the detectors see it.
//
// A goroutine is a strand: made by rv__g_make, begun and ended on its own stack, carried by the M that runs it. The
// scheduler says who is carried where it switches: in `bring`, before the switch, and before it goes to g0. Queues, locks and wake-ups of
// the runtime's own tell nothing, so they order nothing. What orders is told by the objects that the program calls, as
// passing through a place: the slot of a channel's ring, or, of a waiter, its G, where it leaves what it did, and finds what
// whoever completed its operation did. (That one passes through it. So a sender that finds a receiver waiting at an empty ring learns what that did before
// it waited, which Go's rules do not promise; it costs no false report.)
#include "runtime/feed.h"
#include "base/print.h"
#include "base/sys.h"
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
    if (d && d->size != sizeof *d) {
        base_say("libravel_go.a and the detectors are of different versions of Ravel: link those of one");
        sys_call1(SYS_exit_group, 2);
    }
    rv__feed = d;
}
COLD void rv__feed_finish_slow(struct rv__g *g)
{
    rv__feed->finish(g->strand);
    g->strand = NULL;
}
// At the end of rv_run, no M is in a section. Who is on a stack goes on until its next call, and finishes there.
COLD void rv__feed_drop(void)
{
    for (struct rv__g_block *b = rv__feed ? base_load_acquire(&rv__g_blocks) : NULL; b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++) {
            struct rv__g *g = &b->gs[i];
            if (!g->strand || base_load_acquire(&g->on_cpu)) continue; // acquire: what its M did with it
            rv__feed->abandon(g->strand);
            g->strand = NULL;
        }
}
COLD void rv__feed_pass_slow(uintptr_t pc, const void *at) { rv__feed->pass(rv__feed->current(), pc, at, BASE_MUST); }
