// metrics.c: the scheduler and the memory in figures, under the names that Go's runtime/metrics has for them.
//
// Figures are read without stopping anybody: each was true at some moment of the call, not all of them at the same one. Names that Go has
// and that mean nothing here, or are not counted, are answered by RV_METRIC_NONE, as Go answers names that it does not know.
#include <fcntl.h>
#include <malloc.h>

#include "base/print.h"
#include "base/sys.h"
#include "runtime/pool.h"
#include "runtime/sched.h"

// ---- memory ----------------------------------------------------------------------------------------------------------------

// What the process has in RAM, by the second figure of /proc/self/statm.
static uint64_t resident(void)
{
    char text[128];
    const long fd = sys_call3(SYS_open, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    const long n = sys_read((int)fd, text, sizeof text);
    sys_call1(SYS_close, fd);
    uint64_t pages = 0;
    int field = 0;
    for (long i = 0; i < n && field < 2; i++) {
        if (text[i] == ' ')
            field++;
        else if (field == 1)
            pages = 10 * pages + (uint64_t)(text[i] - '0');
    }
    return pages * 4096;
}
void rv_memstats_read(rv_memstats *out)
{
    const struct mallinfo2 m = mallinfo2(); // takes libc's locks: outside of sections
    *out = (rv_memstats){.alloc = m.uordblks + m.hblkhd,
                         .heap_sys = m.arena + m.hblkhd,
                         .heap_idle = m.fordblks,
                         .sys = resident(),
                         .num_gc = rv__pools_aged()};
}

// ---- the scheduler -----------------------------------------------------------------------------------------------------------

int64_t rv_num_blocking_call(void)
{
    int64_t sum = 0;
    const uint32_t n = base_load_acquire(&rv__sched.n_ps);                                       // acquire: the Ps
    for (uint32_t i = 0; i < n; i++) sum += (int64_t)base_load_relaxed(&rv__sched.ps[i]->calls); // relaxed: a figure
    return sum;
}
static uint64_t created(void)
{
    int64_t sum = base_load_relaxed(&rv__sched.created);   // relaxed, all: figures
    const uint32_t n = base_load_acquire(&rv__sched.n_ps); // acquire: the Ps
    for (uint32_t i = 0; i < n; i++) sum += base_load_relaxed(&rv__sched.ps[i]->created);
    return (uint64_t)sum;
}
static uint64_t in_state(uint32_t states) // of which the bits are set
{
    uint64_t sum = 0;
    for (const struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next) // acquire: pairs with more_gs
        for (uint64_t i = 0; i < b->n; i++) sum += states >> base_load_relaxed(&b->gs[i].state) & 1; // relaxed: figures
    return sum;
}
static uint64_t runnable(void) { return in_state(1 << RV__RUNNABLE | 1 << RV__PREEMPTED); }
static uint64_t running(void) { return in_state(1 << RV__RUNNING); }
static uint64_t waiting(void) { return in_state(1 << RV__WAITING); }
static uint64_t in_kernel(void) { return in_state(1 << RV__SYSCALL); }
static uint64_t procs(void) { return (uint64_t)base_load_relaxed(&rv__sched.procs); } // relaxed, these: figures
static uint64_t goroutines(void) { return (uint64_t)rv_num_goroutine(); }
static uint64_t blocking_calls(void) { return (uint64_t)rv_num_blocking_call(); }
static uint64_t threads(void)
{
    return base_load_relaxed(&rv__sched.ms) + 3;
} // and rv_run's, sysmon, the maker of threads

static rv_memstats memory(void)
{
    rv_memstats m;
    rv_memstats_read(&m);
    return m;
}
static uint64_t heap_objects(void) { return memory().alloc; }
static uint64_t heap_free(void) { return memory().heap_idle; }
static uint64_t total(void) { return resident(); }

// ---- by name -----------------------------------------------------------------------------------------------------------------

static const struct known {
    const char *name;
    uint64_t (*read)(void);
    const char *help;
} all[] = {
    {"/cgo/go-to-c-calls:calls", blocking_calls, "calls that may have blocked in the kernel (rv_num_blocking_call)"},
    {"/gc/cycles/total:gc-cycles", rv__pools_aged, "rounds in which what lay unused in pools was given back"},
    {"/memory/classes/heap/free:bytes", heap_free, "malloc's memory that is not handed out"},
    {"/memory/classes/heap/objects:bytes", heap_objects, "bytes that malloc has handed out"},
    {"/memory/classes/total:bytes", total, "what the process has in RAM"},
    {"/sched/gomaxprocs:threads", procs, "goroutines that may run at once"},
    {"/sched/goroutines-created:goroutines", created, "goroutines since rv_run began"},
    {"/sched/goroutines/not-in-go:goroutines", in_kernel, "goroutines in system calls"},
    {"/sched/goroutines/runnable:goroutines", runnable, "goroutines that wait for their turn"},
    {"/sched/goroutines/running:goroutines", running, "goroutines that run"},
    {"/sched/goroutines/waiting:goroutines", waiting, "goroutines that wait for something"},
    {"/sched/goroutines:goroutines", goroutines, "goroutines that exist"},
    {"/sched/threads/total:threads", threads, "threads of the scheduler's"},
};
enum { KNOWN = sizeof all / sizeof *all };

void rv_metrics_read(rv_metric *metrics, int n)
{
    for (int i = 0; i < n; i++) {
        metrics[i].kind = RV_METRIC_NONE;
        metrics[i].value = 0;
        for (int k = 0; k < KNOWN; k++) {
            if (base_strcmp(all[k].name, metrics[i].name) != 0) continue;
            metrics[i].kind = RV_METRIC_UINT64;
            metrics[i].help = all[k].help;
            metrics[i].value = all[k].read();
        }
    }
}
int rv_metrics_all(rv_metric *metrics, int n)
{
    for (int i = 0; i < n && i < KNOWN; i++) metrics[i] = (rv_metric){.name = all[i].name};
    rv_metrics_read(metrics, n < KNOWN ? n : KNOWN);
    return KNOWN;
}
