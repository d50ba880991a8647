// detector/detector.c: the detector's own life: start, what it holds, and where findings go.
#include "base/arena.h"
#include "base/sys.h"
#include "detector/access.h"
#include "detector/objects.h"
#include "detector/stack.h"
#include "detector/sweep.h"

struct det_config det_cfg;
static det_sink *sink;
static void *sink_ctx;

void det_init(const struct det_config *cfg, det_sink *to, void *ctx)
{
    det_cfg = *cfg;
    sink = to;
    sink_ctx = ctx;
    det_need_fence = !sys_membarrier();
    det_strands_init();
    det_stamp_init();
}
void det_reset(void)
{
    det_strands_reset(); // first: strands give up their locks
    det_objects_reset();
    det_locks_reset();
    det_records_reset();
    det_shadow_reset();
    det_stamp_reset();
    det_access_reset();
    det_sweep_reset();
    det_stack_reset();
    det_stopping = 0;
}
void det_deliver(struct det_strand *s, struct det_report *r)
{
    base_store_release(&s->in, (uint32_t)DET_REPORTING); // release: the section ends here, as in det_leave
    if (sink) sink(r, sink_ctx);
    base_store_relaxed(&s->in, 1u);
    if (unlikely(det_need_fence)) base_fence_seq_cst();
    base_compiler_barrier();
    if (unlikely(base_load_acquire(&det_stopping))) det_enter_slow(s);
}

void det_stats_read(struct det_stats *out)
{
    *out = (struct det_stats){
        .races = det_races_found(),
        .lock_cycles = det_locks_cycles(),
        .sweeps = det_sweeps(),
        .sweep_ns = det_sweep_ns(),
        .stamps = det_stamps_used(),
        .records = det_records_used(),
        .clocks = det_clock_nodes(),
        .sites = det_stack_count(),
        .sync_objects =
            det_objects_count(DET_OBJ_SYNC) + det_objects_count(DET_OBJ_COND) + det_objects_count(DET_OBJ_BARRIER),
        .locks = det_locks_count(),
        .strands = det_strands_count(),
        .dropped_in_handler = det_dropped(),
        .given_up = det_given_up(),
        .bytes = base_arena_bytes() + det_dirty_pages * SHADOW_PAGE + det_stamps_used() * sizeof(struct det_stamp) +
                 det_records_used() * 4,
    };
}
