// goroutines.c: what the runtime tells the detector (base/hooks.h), where both are in the program.
//
// A goroutine is a light strand (detector/event.h); the thread that runs it carries it, and det_tls names the strand that the thread
// works for. Threads of the runtime's own are strands like any other that only carry.
// None of these functions holds a thread-local variable's address across a switch: each runs in one thread.
#include "instrument/interpose.h"

#include "base/hooks.h"
#include "base/owned.h"
#include "base/tls.h"
#include "detector/print.h"
#include "instrument/io.h"

_Static_assert((int)BASE_MUST == (int)DET_MUST && (int)BASE_REPLACE == (int)DET_SET, "the same flags");
_Static_assert((int)BASE_LOCK_RW == (int)DET_LOCK_RW && (int)BASE_LOCK_READ == (int)DET_LOCK_READ &&
                   (int)BASE_LOCK_TRY == (int)DET_LOCK_TRY && (int)BASE_LOCK_COND == (int)DET_LOCK_COND,
               "the same flags");
const struct base_runtime *ins_runtime;
void (*ins_point_slow)(void);
bool (*ins_give_way_slow)(void);

// ---- where thread-local variables are ----------------------------------------------------------------------------------

static COLD void first_carry(struct det_strand *own)
{
    ins_me.carries = true;
    const uintptr_t tp = (uintptr_t)__builtin_thread_pointer();
    det_strand_thread_locals(own, tp - base_static_tls(), tp);
}

// ---- the table ---------------------------------------------------------------------------------------------------------

static struct det_strand *current(void)
{
    struct det_strand *s = ins_self();
    return s != &det_nobody ? s : NULL;
}
static struct det_strand *create(uintptr_t pc, uint64_t goid)
{
    struct det_strand *s = current();
    return s ? det_strand_create_light(s, pc, goid) : NULL;
}
static uint64_t origin(struct det_strand *s, uintptr_t pc) { return s ? det_strand_origin(s, pc) : 0; }
static void created_by(struct det_strand *s, uint64_t whose)
{
    if (s) det_strand_created_by(s, whose);
}
static void abandon(struct det_strand *g)
{
    struct det_strand *s = current();
    if (g && s) det_strand_abandon(s, g);
}
static void name(struct det_strand *s, const char *text)
{
    if (s) det_strand_name(s, text);
}
static void carry(struct det_strand *s)
{
    struct det_strand *own = ins_me.own;
    if (unlikely(!own || !ins_on)) return;
    if (unlikely(!ins_me.carries)) first_carry(own);
    det_tls = own; // a handler's events in between are the thread's
    base_compiler_barrier();
    det_strand_carry(own, s ? s : own);
    base_compiler_barrier();
    if (s) det_tls = s;
}
static void start(struct det_strand *s, uintptr_t lo, uintptr_t hi)
{
    if (s) det_strand_start(s, 0, lo, hi);
}
static void finish(struct det_strand *s)
{
    if (!s || !ins_on) return;
    det_strand_finish(s);
}
static void acquire(struct det_strand *s, uintptr_t pc, const void *at, int flags)
{
    if (s) det_acquire(s, pc, (uintptr_t)at, flags);
}
static void release(struct det_strand *s, uintptr_t pc, const void *at, int flags)
{
    if (s) det_release(s, pc, (uintptr_t)at, flags);
}
static void pass(struct det_strand *s, uintptr_t pc, const void *at, int flags)
{
    if (s) det_pass(s, pc, (uintptr_t)at, flags);
}
static void sync_destroy(struct det_strand *s, uintptr_t pc, const void *at)
{
    if (s) det_sync_destroy(s, pc, (uintptr_t)at);
}
static void lock_request(struct det_strand *s, uintptr_t pc, const void *at, int how)
{
    if (s) det_lock_request(s, pc, (uintptr_t)at, how);
}
static void lock_acquired(struct det_strand *s, uintptr_t pc, const void *at, int how)
{
    if (s) det_lock_acquired(s, pc, (uintptr_t)at, how);
}
static void lock_release(struct det_strand *s, uintptr_t pc, const void *at, int how)
{
    if (s) det_lock_release(s, pc, (uintptr_t)at, how);
}
static void touch(struct det_strand *s, uintptr_t pc, const void *at, size_t size, bool write)
{
    const enum det_kind kind = write ? DET_WRITE : DET_READ;
    if (s && !(size == 8 && det_hit(s, (uintptr_t)at, 8, kind))) det_range(s, pc, (uintptr_t)at, size, kind);
}
static void fd_out(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t n)
{
    if (s) ins_fd_out(s, pc, fd, v, n);
}
static void fd_in(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t n, ssize_t result)
{
    if (s) ins_fd_in(s, pc, fd, v, n, result);
}
static void forget(struct det_strand *s, const void *at, size_t size)
{
    if (s) det_unmap(s, (uintptr_t)at, size);
}
static void found(uint32_t n) { det_report_found(n); }
static bool inside(void)
{
    struct det_strand *s = det_tls;
    return ins_me.phase == INS_BUSY || (s != &det_nobody && det_strand_inside(s));
}
static const struct base_detector table = {
    .size = sizeof table,
    .create = create,
    .origin = origin,
    .created_by = created_by,
    .abandon = abandon,
    .name = name,
    .carry = carry,
    .start = start,
    .finish = finish,
    .current = current,
    .acquire = acquire,
    .release = release,
    .pass = pass,
    .sync_destroy = sync_destroy,
    .lock_request = lock_request,
    .lock_acquired = lock_acquired,
    .lock_release = lock_release,
    .access = touch,
    .fd_out = fd_out,
    .fd_in = fd_in,
    .forget = forget,
    .inside = inside,
    .found = found,
    .owned = &base_owned,
};
INTERFACE const struct base_detector *ravel_attach(const struct base_runtime *runtime)
{
    static const struct base_detector mismatch = {0};
    if (!current() || !runtime) return NULL;
    if (runtime->size != sizeof *runtime) return &mismatch;
    ins_runtime = runtime;
    ins_point_slow = runtime->point;
    ins_give_way_slow = runtime->give_way;
    return &table;
}
