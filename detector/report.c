// detector/report.c: from findings to reports: which are the same bug, and what becomes of a new one.
//
// Three tables, all guarded by lock. `seen` knows a finding by the pcs of its two sides and its object, without any
// name: repeats of one, of which there may be millions, cost a look-up. `bugs` knows it by its fingerprint
// (fingerprint.c): the same lines met through other instructions are the same bug. `paths` tells the distinct
// pairs of call stacks of a bug apart, to count them. Only a new bug is printed.
#include <signal.h>

#include "base/env.h"
#include "base/flags.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/sys.h"
#include "detector/print.h"
#include "detector/stack.h"

enum { OUT_MAX = 256 << 20, OUT_MIN = 64 << 10, OUT_KEEP = 1 << 20, PATHS_MAX = 1 << 16, HINT_MAX = 512 };

struct bug {
    UT_hash_handle hh;
    uint64_t fingerprint;
    uint64_t hits, paths;
    struct bug *next; // in order of printing
};
struct seen_key {
    uint64_t kind, a, b, object;
};
struct seen {
    UT_hash_handle hh;
    struct seen_key key;
    struct bug *bug;
};
struct path_key {
    const struct bug *bug; // NULL: a suppressed path, and the seen_key is hashed in
    uint64_t stacks;
};
struct path {
    UT_hash_handle hh;
    struct path_key key;
    struct det_suppression *by; // of a suppressed path; else NULL
};

static struct base_lock lock;
static uintptr_t owner;                                       // atomic: thread pointer of who holds lock; 0: nobody
static struct bug *bugs, *first_bug, **last_bug = &first_bug; // guarded by lock, like all below
static struct seen *seen;
static struct path *paths;
static uint32_t nbugs, npaths;
static uint32_t nelsewhere; // found, and reported, by the runtime
static uint64_t nfindings, nsuppressed;
static bool finished;
static int ended = -1;
static bool refreshed;
static int pid;       // of the process that started us; a child of vfork shares our memory but is another
static bool no_color; // NO_COLOR is set

// ---- output --------------------------------------------------------------------------------------------------

// A large reservation costs only what is written to it; what a huge report left behind is given back. Where the address
// space is limited, a smaller one has to do.
static struct base_buf out_open(void)
{
    static char *memory;
    static size_t size = OUT_MAX;
    while (!memory && size >= OUT_MIN && !(memory = sys_reserve(size))) size /= 4;
    return (struct base_buf){memory, 0, memory ? size : 0, false};
}
static void out_close(struct base_buf *b)
{
    if (b->truncated && b->n) b->p[b->n - 1] = '\n';
    det_log_write(b);
    if (b->n > OUT_KEEP) sys_zap(b->p, b->cap);
}
static bool in_json(void) { return base_flags.report_format == BASE_FORMAT_JSON; }
static bool in_color(void)
{
    if (base_flags.color != BASE_COLOR_AUTO) return base_flags.color == BASE_COLOR_ALWAYS;
    return !no_color && det_log_is_terminal();
}

// ---- merging -------------------------------------------------------------------------------------------------

static uintptr_t top(const struct det_stack *s) { return s->n ? s->pc[0] : 0; }
static uint64_t stack_hash(const struct det_stack *s) { return base_hash(s->pc, s->n * sizeof *s->pc); }

// Which object is it, without asking for more than a name?
static uint64_t object_of(const struct det_report *r)
{
    const struct det_location *l = &r->location;
    switch (l->where) {
    case DET_WHERE_HEAP: return top(&l->allocated);
    case DET_WHERE_STACK: return top(&r->strands[l->strand].created);
    case DET_WHERE_TLS: return 1;
    case DET_WHERE_GLOBAL:
    case DET_WHERE_UNKNOWN: break;
    }
    return det_symbolize_object(r->addr);
}
static struct seen_key race_key(const struct det_report *r)
{
    const uint64_t a = top(&r->side[0].stack), b = top(&r->side[1].stack);
    return (struct seen_key){(uint64_t)r->kind, a < b ? a : b, a < b ? b : a, object_of(r)};
}
// A cycle is its edges, wherever it is entered: sums do not depend on the order.
static struct seen_key cycle_key(const struct det_report *r)
{
    struct seen_key key = {.kind = (uint64_t)r->kind};
    for (uint32_t i = 0; i < r->nedges; i++) {
        const struct det_edge *e = &r->edges[i];
        const uint64_t edge[] = {r->locks[e->from].id, r->locks[e->to].id, top(&e->from_stack), top(&e->to_stack)};
        key.a += base_hash(edge, sizeof edge);
    }
    return key;
}
static struct seen_key key_of(const struct det_report *r)
{
    return r->kind == DET_REPORT_LOCK_CYCLE ? cycle_key(r) : race_key(r);
}
static uint64_t stacks_of(const struct det_report *r)
{
    if (r->kind != DET_REPORT_LOCK_CYCLE) return stack_hash(&r->side[0].stack) + stack_hash(&r->side[1].stack);
    uint64_t h = 0;
    for (uint32_t i = 0; i < r->nedges; i++) {
        const uint64_t edge[] = {stack_hash(&r->edges[i].from_stack), stack_hash(&r->edges[i].to_stack)};
        h += base_hash(edge, sizeof edge);
    }
    return h;
}
// Adds a path; false: it was there, or there is no room for more.
static bool add_path(const struct bug *bug, uint64_t stacks, struct det_suppression *by)
{
    const struct path_key key = {bug, stacks};
    struct path *p;
    HASH_FIND(hh, paths, &key, sizeof key, p);
    if (p || npaths == PATHS_MAX) return false;
    p = base_alloc(sizeof *p);
    p->key = key;
    p->by = by;
    HASH_ADD(hh, paths, key, sizeof p->key, p);
    npaths++;
    return true;
}
static void count(struct bug *bug, const struct det_report *r)
{
    bug->hits++;
    if (add_path(bug, stacks_of(r), NULL)) bug->paths++;
}
// A suppression goes by all frames, so what was found to be suppressed is remembered with its stacks.
static uint64_t quiet_hash(const struct det_report *r, const struct seen_key *key)
{
    return stacks_of(r) + base_hash(key, sizeof *key);
}
static struct det_suppression *quiet_by(const struct det_report *r, const struct seen_key *key)
{
    const struct path_key quiet = {NULL, quiet_hash(r, key)};
    struct path *p;
    HASH_FIND(hh, paths, &quiet, sizeof quiet, p);
    return p ? p->by : NULL;
}
static void suppress(struct det_suppression *by)
{
    nsuppressed++;
    by->hits++;
}
static void remember(const struct seen_key *key, struct bug *bug)
{
    struct seen *s = base_alloc(sizeof *s);
    s->key = *key;
    s->bug = bug;
    HASH_ADD(hh, seen, key, sizeof s->key, s);
}
static struct bug *bug_of(uint64_t fingerprint, bool *fresh)
{
    struct bug *b;
    HASH_FIND(hh, bugs, &fingerprint, sizeof fingerprint, b);
    *fresh = !b;
    if (b) return b;
    b = base_alloc(sizeof *b);
    b->fingerprint = fingerprint;
    HASH_ADD(hh, bugs, fingerprint, sizeof b->fingerprint, b);
    *last_bug = b;
    last_bug = &b->next;
    nbugs++;
    return b;
}

// ---- a report ------------------------------------------------------------------------------------------------

static void put_fingerprint(char text[17], uint64_t fingerprint)
{
    struct base_buf b = {text, 0, 17, false};
    base_putf(&b, "%016lx", fingerprint);
}
// ThreadSanitizer's names: an access after a free that is not ordered before it is a use after free; a free after an
// access is a race.
static void set_kind(struct det_finding *f)
{
    const struct det_report *r = f->r;
    if (r->kind == DET_REPORT_LOCK_CYCLE) {
        f->kind = "lock-order-inversion";
        f->title = "lock-order-inversion (potential deadlock)";
    } else if (r->kind == DET_REPORT_FREE_RACE && r->side[1].origin == DET_BY_FREE) {
        f->kind = f->title = "heap-use-after-free";
    } else {
        f->kind = "data-race";
        f->title = "data race";
    }
}
static void print(const struct det_report *r, uint64_t fingerprint, const struct det_global *global)
{
    struct det_finding f = {.r = r, .global = *global};
    BASE_BUF(hint, HINT_MAX);
    det_hint(&hint, r, global);
    f.hint = hint.p;
    set_kind(&f);
    put_fingerprint(f.fingerprint, fingerprint);
    struct base_buf out = out_open();
    if (in_json())
        det_json_report(&out, &f);
    else
        det_text_report(&out, &f, in_color());
    out_close(&out);
}
// Was this finding, or one just like it, dealt with before? Then it is counted.
static bool is_repeat(const struct det_report *r, const struct seen_key *key)
{
    struct seen *known;
    HASH_FIND(hh, seen, key, sizeof *key, known);
    if (known) {
        if (!base_flags.suppress_equal_stacks) return false;
        count(known->bug, r);
        return true;
    }
    struct det_suppression *const by = quiet_by(r, key);
    if (by) suppress(by);
    return by != NULL;
}
static bool take_new(const struct det_report *r, const struct seen_key *key)
{
    det_symbolize_refresh();
    struct det_global global = {.member = ""};
    const enum det_where where = r->location.where;
    if (r->kind != DET_REPORT_LOCK_CYCLE && (where == DET_WHERE_UNKNOWN || where == DET_WHERE_GLOBAL))
        global = det_symbolize_data(r->addr);
    struct det_suppression *const by = det_suppressed(r, &global);
    if (by) {
        suppress(by);
        add_path(NULL, quiet_hash(r, key), by);
        return false;
    }
    const uint64_t fingerprint = det_fingerprint(r, &global);
    bool fresh;
    struct bug *const bug = bug_of(fingerprint, &fresh);
    count(bug, r);
    remember(key, bug);
    if (!fresh && base_flags.suppress_equal_stacks) return false;
    print(r, fingerprint, &global);
    return true;
}

// A handler that interrupts the thread which holds the lock, and ends the program there, must not wait for it.
static void enter(void)
{
    base_lock(&lock);
    base_store_relaxed(&owner, (uintptr_t)__builtin_thread_pointer()); // relaxed: only its own thread looks for itself
}
static void leave(void)
{
    base_store_relaxed(&owner, (uintptr_t)0); // relaxed: as above
    base_unlock(&lock);
}
static bool interrupted_here(void)
{
    return base_load_relaxed(&owner) == (uintptr_t)__builtin_thread_pointer(); // relaxed: as above
}
static uint64_t block_signals(void)
{
    uint64_t all = ~(uint64_t)0, saved = 0;
    sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &saved, sizeof all);
    return saved;
}
static void restore_signals(uint64_t saved) { sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &saved, NULL, sizeof saved); }
static bool take(const struct det_report *r)
{
    nfindings++;
    if (!refreshed) det_symbolize_refresh();
    refreshed = true;
    const struct seen_key key = key_of(r);
    if (is_repeat(r, &key)) return false;
    const uint64_t saved = block_signals(); // printing takes milliseconds, and a handler may jump out of it
    const bool printed = take_new(r, &key);
    restore_signals(saved);
    return printed;
}
bool det_report_print(struct det_report *r)
{
    enter();
    const bool printed = !finished && take(r);
    leave();
    return printed;
}

// ---- the process ---------------------------------------------------------------------------------------------

static void write_process_line(void)
{
    if (!in_json()) return;
    struct base_buf out = out_open();
    det_json_process(&out);
    out_close(&out);
}
void det_report_start(void)
{
    pid = sys_getpid();
    const char *const no = base_env("NO_COLOR");
    no_color = no && *no;
    det_log_start();
    det_symbolize_start();
    det_json_start();
    det_suppress_start();
    write_process_line();
}
static struct det_bug_count *bug_counts(void)
{
    struct det_bug_count *counts = base_alloc((nbugs + 1) * sizeof *counts);
    uint32_t i = 0;
    for (const struct bug *b = first_bug; b; b = b->next, i++) {
        put_fingerprint(counts[i].fingerprint, b->fingerprint);
        counts[i].hits = b->hits;
        counts[i].paths = b->paths;
    }
    return counts;
}
static void write_summary(void)
{
    struct det_bug_count *const counts = bug_counts();
    struct det_totals t = {.bugs = nbugs,
                           .findings = nfindings,
                           .suppressed = nsuppressed,
                           .ended = ended,
                           .frames_lost = det_stack_lost(),
                           .counts = counts};
    det_stats_read(&t.stats);
    struct base_buf out = out_open();
    if (in_json())
        det_json_summary(&out, &t);
    else
        det_text_summary(&out, &t);
    if (out.n) out_close(&out);
    base_free(counts, (nbugs + 1) * sizeof *counts);
}
int det_report_finish(void)
{
    if (sys_getpid() != pid) return 0;                        // a child of vfork: the summary is its parent's
    if (interrupted_here()) return (int)(nbugs + nelsewhere); // without a summary: it says that the log is cut
    enter();
    if (!finished) {
        finished = true;
        write_summary();
        det_symbolize_stop();
    }
    const int n = (int)(nbugs + nelsewhere);
    leave();
    return n;
}
void det_report_found(uint32_t n)
{
    if (sys_getpid() != pid || interrupted_here()) return; // as in det_report_finish
    const uint64_t saved = block_signals();
    enter();
    nelsewhere += n;
    leave();
    restore_signals(saved);
}
void det_report_test_named(const char *test, const char *name)
{
    if (sys_getpid() != pid || interrupted_here()) return; // as in det_report_finish
    const uint64_t saved = block_signals();
    enter();
    if (!finished && in_json()) {
        struct base_buf out = out_open();
        det_json_test(&out, test, name);
        out_close(&out);
    }
    leave();
    restore_signals(saved);
}
void det_report_finish_as(int code)
{
    ended = code;
    det_report_finish();
}
void det_report_forked(void)
{
    pid = sys_getpid();
    lock = (struct base_lock){0};
    owner = 0;
    bugs = first_bug = NULL; // what the parent reported is the parent's; the nodes stay unused
    last_bug = &first_bug;
    seen = NULL;
    paths = NULL;
    nbugs = npaths = nelsewhere = 0;
    nfindings = nsuppressed = 0;
    finished = false;
    det_suppress_forked();
    det_symbolize_forked();
    det_log_forked();
    write_process_line();
}
