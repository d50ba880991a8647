// seeded_log.c: the event log of the deterministic mode (sched_log=path), and the numbers of objects in it.
//
// A line is: virtual time, goroutine, what, and what belongs to that:
//     1000001000 g1 run                 1000004000 g7 start by g1         1000009000 g7 park #3 chan receive
//     1000012000 g7 ready               1000014000 g7 yield               1000015000 g7 end
//     5000000000 jump                   1000020000 not deterministic from here on (the last line)
// The lines between two choices are one write(2). There are no addresses in it. A channel has a number from its creation on. Objects that lie in
// the program's own memory get one when somebody comes to wait there, and keep it as long as anybody does: whether
// two of them in turn lie at one address is malloc's affair.
#include "runtime/seeded.h"

#include <fcntl.h>

#include "base/arena.h"
#include "base/flags.h"
#include "base/print.h"
#include "base/sys.h"

enum { TEXT = 16 << 10, LINE = 128, BUCKETS = 1 << 12 };

static int fd = -1; // constant once open
static char text[TEXT];
static struct base_buf out = {text, 0, TEXT, false};

// ---- numbers -----------------------------------------------------------------------------------------------------------

struct object {
    struct object *next;
    const void *at;
    uint64_t number;
    uint64_t waiters; // of one without a creation
    bool made;
};
static struct base_pool pool = {.size = sizeof(struct object)};
static struct rv__lock lock; // guards what follows: plain threads make channels, too
static struct object *buckets[BUCKETS];
static uint64_t numbers;

static struct object **find_locked(const void *at)
{
    struct object **link = &buckets[((uintptr_t)at >> 4) * 0x9e3779b97f4a7c15u >> 52];
    while (*link && (*link)->at != at) link = &(*link)->next;
    return link;
}
static struct object *number_locked(const void *at, bool made)
{
    struct object **const link = find_locked(at);
    if (!*link) {
        *link = base_pool_get(&pool);
        **link = (struct object){.at = at, .number = ++numbers, .made = made};
    }
    return *link;
}
static void drop_locked(struct object **link)
{
    struct object *const o = *link;
    *link = o->next;
    base_pool_put(&pool, o);
}
COLD void rv__seeded_made_slow(const void *object)
{
    if (fd < 0) return;
    rv__lock(&lock);
    number_locked(object, true);
    rv__unlock(&lock);
}
COLD void rv__seeded_gone_slow(const void *object)
{
    if (fd < 0) return;
    rv__lock(&lock);
    struct object **const link = find_locked(object);
    if (*link) drop_locked(link);
    rv__unlock(&lock);
}
static bool of_channel(const struct rv__g *g) { return g->why == RV__WHY_CHAN_SEND || g->why == RV__WHY_CHAN_RECV; }
static uint64_t wait_at(const struct rv__g *g)
{
    rv__lock(&lock);
    struct object *const o = number_locked(g->object, of_channel(g));
    if (!o->made) o->waiters++;
    const uint64_t number = o->number;
    rv__unlock(&lock);
    return number;
}
static void end_wait_at(const struct rv__g *g)
{
    if (!g->object || of_channel(g)) return;
    rv__lock(&lock);
    struct object **const link = find_locked(g->object);
    if (*link && !(*link)->made && --(*link)->waiters == 0) drop_locked(link);
    rv__unlock(&lock);
}

// ---- lines -------------------------------------------------------------------------------------------------------------

void rv__seeded_log_open(const char *path)
{
    fd = (int)sys_call3(SYS_open, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) base_flags_complain("RAVEL_OPTIONS: sched_log='%s' cannot be written: error %d", path, -fd);
}
void rv__seeded_log_flush(void)
{
    if (out.n) sys_write_all(fd, out.p, out.n);
    out.n = 0;
}
static bool begin_line(int64_t now)
{
    if (fd < 0) return false;
    if (out.cap - out.n < LINE) rv__seeded_log_flush();
    base_putf(&out, "%ld ", now);
    return true;
}
void rv__seeded_log(int64_t now, const struct rv__g *g, const char *what)
{
    if (begin_line(now)) base_putf(&out, "g%lu %s\n", g->id, what);
}
void rv__seeded_log_start(int64_t now, const struct rv__g *g)
{
    if (begin_line(now)) base_putf(&out, "g%lu start by g%lu\n", g->id, g->parent);
}
void rv__seeded_log_park(int64_t now, const struct rv__g *g)
{
    if (!begin_line(now)) return;
    base_putf(&out, "g%lu park ", g->id);
    if (g->object) base_putf(&out, "#%lu ", wait_at(g));
    base_putf(&out, "%s\n", rv__why_text[g->why]);
}
void rv__seeded_log_ready(int64_t now, const struct rv__g *g)
{
    if (!begin_line(now)) return;
    end_wait_at(g);
    base_putf(&out, "g%lu ready\n", g->id);
}
void rv__seeded_log_end(int64_t now)
{
    if (begin_line(now)) base_puts(&out, "not deterministic from here on\n");
    rv__seeded_log_flush();
}
void rv__seeded_log_jump(int64_t now)
{
    if (begin_line(now)) base_puts(&out, "jump\n");
}
