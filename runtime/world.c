// world.c: stops the world, so that a copy of the process is of one moment, and has everybody's registers.
//
// Each thread gets preemption's signal (preempt.c); its handler tells where its registers are, and waits. A system call
// that the signal interrupts is made again afterwards. A thread may be stopped anywhere, inside a section or with libc's locks: who stopped it
// copies, and starts it again. Three kinds of threads do not come by signal:
//   - an M that waits inside the handler already, because its goroutine was preempted: m->interrupted has the registers. It stays there,
//     for whoever could wake it stands still before;
//   - sysmon, which has all signals blocked: it does what it does in sections, and waits at the beginning of the next one. `stopped`, then
//     membarrier, then a look at its seq; it has its seq odd, then looks at `stopped`. It may need a lock that an M holds to end its
//     section, so it is waited for first, while they still run;
//   - the maker, which has nothing of the program's.
// A thread that blocks the signal does not come at all. If it sleeps in the kernel, as such threads mostly do, that tells its stack pointer, and it is
// taken to stand; what only its registers hold is not seen then. Otherwise after PATIENCE_NS the world is taken as it is, and `unknown` says so.
#include "runtime/world.h"

#include <fcntl.h>

#include "base/print.h"
#include "runtime/sched.h"

enum { PATIENCE_NS = 2000000000, SOON_NS = 2000000 };
struct rv__world rv__world;
static uint32_t busy; // atomic: somebody stops the world

// ---- those who stop ----------------------------------------------------------------------------------------------------

void rv__world_wait(const void *context)
{
    const int tid = sys_gettid();
    const uint32_t n = base_load_acquire(&rv__world.n); // acquire: the places
    for (uint32_t i = 0; i < n; i++) {
        struct rv__thread *const t = &rv__world.threads[i];
        if (t->tid != tid) continue;
        t->tp = (uintptr_t)__builtin_thread_pointer();
        base_store_release(&t->context, context); // release: the registers, and tp
    }
    while (base_load_acquire(&rv__world.stopped)) sys_futex_wait(&rv__world.stopped, 1);
}
void rv__world_pass(uint32_t *seq)
{
    while (unlikely(base_load_relaxed(&rv__world.stopped))) { // relaxed: see the head of this file
        base_store_release(seq, *seq + 1);
        sys_futex_wait(&rv__world.stopped, 1);
        base_store_relaxed(seq, *seq + 1);
        sys_membarrier(); // a StoreLoad fence: it is seen inside, or sees the next stop
    }
}

// ---- who stops them ----------------------------------------------------------------------------------------------------

static struct rv__m *m_of(int tid)
{
    struct rv__m *m = base_load_acquire(&rv__sched.all_m); // acquire: pairs with rv__m_make
    while (m && base_load_relaxed(&m->tid) != tid) m = m->all_next;
    return m;
}
static bool known(int tid)
{
    for (uint32_t i = 0; i < rv__world.n; i++)
        if (rv__world.threads[i].tid == tid) return true;
    return false;
}
static bool is_helper(int tid)
{
    return tid == base_load_relaxed(&rv__sched.monitor_tid) || tid == base_load_relaxed(&rv__sched.maker_tid);
}
static void add(int tid)
{
    if (tid == sys_gettid() || is_helper(tid) || known(tid)) return;
    if (rv__world.n == RV__THREADS) {
        rv__world.unknown++;
        return;
    }
    rv__world.threads[rv__world.n] = (struct rv__thread){.tid = tid};
    base_store_release(&rv__world.n, rv__world.n + 1); // release: pairs with rv__world_wait
    rv__preempt_world(tid);
}
struct entry { // of a directory, as the kernel gives it
    uint64_t ino;
    int64_t off;
    uint16_t size;
    uint8_t type;
    char name[];
};
static int number(const char *s)
{
    int n = 0;
    for (; *s >= '0' && *s <= '9'; s++) n = n * 10 + (*s - '0');
    return n;
}
// All threads there are get a place, and the signal.
static void add_all(void)
{
    char text[4096] __attribute__((aligned(8)));
    const long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    for (long n; fd >= 0 && (n = sys_call3(SYS_getdents64, fd, text, sizeof text)) > 0;)
        for (const struct entry *e = (void *)text; (const char *)e < text + n;
             e = (const void *)((const char *)e + e->size))
            if (number(e->name)) add(number(e->name));
    if (fd < 0)
        rv__world.unknown++;
    else
        sys_call1(SYS_close, fd);
}
static bool gone(int tid) { return sys_call3(SYS_tgkill, sys_getpid(), tid, 0) < 0; }
static long read_task(int tid, const char *file, char *to, size_t room)
{
    BASE_BUF(path, 64);
    base_putf(&path, "/proc/self/task/%d/%s", tid, file);
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path.p, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    const long n = sys_read((int)fd, to, room - 1);
    sys_call1(SYS_close, fd);
    to[n > 0 ? n : 0] = 0;
    return n > 0 ? n : 0;
}
static uintptr_t hex(const char *s)
{
    uintptr_t v = 0;
    for (;; s++) {
        if (*s >= '0' && *s <= '9')
            v = v * 16 + (uintptr_t)(*s - '0');
        else if (*s >= 'a' && *s <= 'f')
            v = v * 16 + (uintptr_t)(*s - 'a' + 10);
        else
            return v;
    }
}
static bool blocks_the_signal(int tid)
{
    static const char name[] = "SigBlk:\t";
    char text[2048];
    const long n = read_task(tid, "status", text, sizeof text);
    for (long i = 0; i < n; i++)
        if (text[i] == 'S' && base_strncmp(text + i, name, sizeof name - 1) == 0)
            return hex(text + i + sizeof name - 1) >> (SIGURG - 1) & 1;
    return false;
}
// "number arguments... sp pc", where it sleeps in the kernel; 0: it does not.
static uintptr_t sp_in_kernel(int tid)
{
    char text[256];
    const char *last[2] = {"", ""};
    if (read_task(tid, "syscall", text, sizeof text) == 0 || text[0] == 'r') return 0;
    for (const char *s = text; *s; s++)
        if (base_strncmp(s, " 0x", 3) == 0) last[0] = last[1], last[1] = s + 3;
    return hex(last[0]);
}
static bool sleeps_unreached(struct rv__thread *t)
{
    if (!blocks_the_signal(t->tid) || m_of(t->tid)) return false;
    t->sp = sp_in_kernel(t->tid);
    return t->sp != 0;
}
static bool stands(struct rv__thread *t, bool late)
{
    if (base_load_acquire(&t->context) || is_helper(t->tid)) return true; // acquire: pairs with rv__world_wait
    struct rv__m *const m = m_of(t->tid);
    if ((m && base_load_acquire(&m->interrupted)) || gone(t->tid))
        return true; // acquire: pairs with preemption's handler
    return late && sleeps_unreached(t);
}
static uint32_t moving(bool late)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rv__world.n; i++) n += !stands(&rv__world.threads[i], late);
    return n;
}
// Who began meanwhile was begun by a thread that stands now; so after a look that finds nobody new, nobody comes.
static void wait_for_all(int64_t from, int64_t until)
{
    int64_t now;
    for (uint32_t n = 0, left; (now = rv__real_now()) < until; n = rv__world.n) {
        const bool late = now - from > SOON_NS;
        if ((left = moving(late)) == 0 && n == rv__world.n && moving(late) == 0) return;
        if (left) sys_yield();
        if (!left || late) add_all();
    }
    rv__world.unknown += moving(true);
}
static void wait_for_monitor(int64_t until)
{
    struct rv__m *const m = m_of(base_load_relaxed(&rv__sched.monitor_tid));
    sys_membarrier();
    while (m && base_load_acquire(&m->seq) % 2 && rv__real_now() < until) sys_yield(); // acquire: what the section did
    if (m && base_load_acquire(&m->seq) % 2) rv__world.unknown++;
}
// Where those are who wait inside the handler of preemption.
static void note_interrupted(void)
{
    for (uint32_t i = 0; i < rv__world.n; i++) {
        struct rv__thread *const t = &rv__world.threads[i];
        struct rv__m *const m = t->context ? NULL : m_of(t->tid);
        if (!m) continue;
        t->context = base_load_acquire(&m->interrupted);
        t->tp = (uintptr_t)m->thread;
    }
}
bool rv__world_stop(void)
{
    if (base_exchange_acquire(&busy, 1u)) return false;
    const int64_t from = rv__real_now(), until = from + PATIENCE_NS;
    rv__world.n = rv__world.unknown = 0;
    base_store_release(&rv__world.stopped, 1u);
    wait_for_monitor(until);
    add_all();
    wait_for_all(from, until);
    note_interrupted();
    return true;
}
void rv__world_start(void)
{
    base_store_release(&rv__world.stopped, 0u); // release: nobody is looked at any more
    sys_futex_wake(&rv__world.stopped, INT32_MAX);
    base_store_release(&busy, 0u);
}
