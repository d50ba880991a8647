// detector/stack.c: call stacks as nodes of a trie, and where they come from when there are no shadow frames.
//
// A node is (parent, pc), 16 bytes, in one array that is reserved at first use and never moves; its index is its
// name. Nodes hang in hash buckets: a bucket is the index of its first node, a node names the next one.
//   (1) A node is complete before a bucket names it, and never changes afterwards.
//   (2) (parent, pc) is unique: a node is linked only by replacing the very head from which the search started, so
//       nobody can have linked an equal one in between. Who loses the replacement searches what was added, and
//       leaves his node unused if his pair is there (16 bytes; it takes two threads at the same instant).
// Callable from anywhere in the detector, without locks, except det_stack_unwind: libunwind takes the loader's lock
// (dl_iterate_phdr), and a thread inside dlclose holds that while it frees memory, which comes back to us. So
// nobody unwinds while holding a lock of the detector's.
#include "detector/stack.h"

#include <errno.h>
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/lock.h"
#include "base/sys.h"

struct node {
    uintptr_t pc;
    uint32_t parent;
    uint32_t next; // in its bucket; 0 ends
};
_Static_assert(sizeof(struct node) == 16, "a node is 16 bytes");

#ifdef RAVEL_TINY
enum { NODES = 1 << 22, BUCKETS = 1 << 4 }; // long chains, all the time
#else
enum { NODES = 1 << 26, BUCKETS = 1 << 20 }; // 1 GiB reserved, touched as it fills; 4 MiB
#endif

static struct node *nodes;    // constant once set
static uint32_t *buckets;     // constant once set; entries atomic
static uint32_t used;         // atomic: nodes handed out, node 0 included
static uint64_t lost;         // atomic: frames for which there was no node left
static struct base_lock init; // guards the setting of the two

static struct node *set_up(void)
{
    base_lock(&init);
    struct node *n = nodes;
    if (!n) {
        buckets = sys_reserve(BUCKETS * sizeof *buckets);
        n = sys_reserve((size_t)NODES * sizeof *n);
        CHECK(buckets && n && "no address space for call stacks");
        used = 1;
        base_store_release(&nodes, n); // release: publishes buckets and used; pairs with table()
    }
    base_unlock(&init);
    return n;
}
static struct node *table(void)
{
    struct node *n = base_load_acquire(&nodes); // acquire: pairs with set_up
    return likely(n != NULL) ? n : set_up();
}

// The nodes of a deep stack were mostly made one after the other, so adding the parent keeps their buckets together
// (a recursion of 5,000 frames: half the time of hashing both, measured with bench/kernels/recursion.c).
static uint32_t *bucket_of(uint32_t parent, uintptr_t pc)
{
    const uint64_t h = pc * 0x9e3779b97f4a7c15u;
    return &buckets[((uint32_t)(h >> 32) + parent) % BUCKETS];
}
// Looks through the bucket from `from` to `until` (not included).
static uint32_t find(const struct node *n, uint32_t from, uint32_t until, uint32_t parent, uintptr_t pc)
{
    for (uint32_t i = from; i != until; i = n[i].next)
        if (n[i].pc == pc && n[i].parent == parent) return i;
    return 0;
}
static uint32_t take_node(void)
{
    if (base_load_relaxed(&used) >= NODES) return 0; // relaxed: the count alone; overshoot is checked again below
    const uint32_t i = base_add_relaxed(&used, 1u);
    return i < NODES ? i : 0;
}

uint32_t det_stack_push(uint32_t parent, uintptr_t pc)
{
    struct node *const n = table();
    uint32_t *const bucket = bucket_of(parent, pc);
    uint32_t head = base_load_acquire(bucket); // acquire: the nodes behind it are complete; pairs with the cas below
    uint32_t found = find(n, head, 0, parent, pc);
    if (likely(found)) return found;
    const uint32_t mine = take_node();
    if (!mine) {
        base_add_relaxed(&lost, 1u);
        return parent;
    }
    n[mine].pc = pc;
    n[mine].parent = parent;
    for (;;) {
        const uint32_t searched = head;
        n[mine].next = head;
        if (base_cas_acq_rel(bucket, &head, mine))
            return mine; // release: publishes the node; pairs with the load above
        found = find(n, head, searched, parent, pc);
        if (found) return found;
    }
}

void det_stack_read(uint32_t node, struct det_stack *out)
{
    const struct node *const n = table();
    out->n = 0;
    for (; node && out->n < DET_STACK_MAX; node = n[node].parent) out->pc[out->n++] = n[node].pc;
    out->cut = node != 0;
}
uint64_t det_stack_count(void)
{
    const uint32_t n = base_load_relaxed(&used); // relaxed: a figure for stats
    return n > NODES ? NODES : n;
}
uint64_t det_stack_lost(void) { return base_load_relaxed(&lost); } // relaxed: a figure for stats
void det_stack_reset(void)
{
    if (!nodes) return;
    sys_zap(buckets, BUCKETS * sizeof *buckets);
    sys_zap(nodes, (size_t)NODES * sizeof *nodes);
    used = 1;
    lost = 0;
}

// ---- unwinding -----------------------------------------------------------------------------------------------

enum { UNWIND_MAX = DET_STACK_MAX + 32 }; // a few more than a report keeps, for the frames of our own

// How many innermost frames are Ravel's own: those before pc, or, where pc is no return address on the stack (a
// tail call), det_stack_unwind and its caller.
static int own_frames(void *const *frame, int n, uintptr_t pc)
{
    for (int i = 0; i < n; i++)
        if ((uintptr_t)frame[i] == pc) return i;
    return n < 2 ? n : 2;
}
NOINLINE uint32_t det_stack_unwind(uintptr_t pc)
{
    void *frame[UNWIND_MAX];
    const int saved_errno = errno; // libunwind makes system calls through libc when it meets a new frame
    int n = unw_backtrace(frame, UNWIND_MAX);
    errno = saved_errno;
    while (n > 0 && !frame[n - 1]) n--;
    const int own = own_frames(frame, n, pc);
    uint32_t node = 0;
    for (int i = n; i-- > own;) node = det_stack_push(node, (uintptr_t)frame[i]);
    const bool on_stack = own < n && (uintptr_t)frame[own] == pc;
    return on_stack || !pc ? node : det_stack_push(node, pc);
}

// ---- memory for libunwind and liblzma, whose malloc calls are renamed to these when they are linked in ---------

enum { HEADER = 16 }; // in front of a block: its whole size
void *det__malloc(size_t bytes)
{
    if (bytes > SIZE_MAX - HEADER) return NULL;
    size_t *p = base_alloc(bytes + HEADER);
    *p = bytes + HEADER;
    return (char *)p + HEADER;
}
void *det__calloc(size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? NULL : det__malloc(bytes); // base_alloc gives zeroed memory
}
void det__free(void *block)
{
    if (!block) return;
    size_t *p = (size_t *)((char *)block - HEADER);
    base_free(p, *p);
}
void *det__realloc(void *block, size_t bytes)
{
    char *fresh = det__malloc(bytes);
    if (!block || !fresh) return fresh;
    const size_t old = *(size_t *)((char *)block - HEADER) - HEADER;
    for (size_t i = 0; i < old && i < bytes; i++) fresh[i] = ((char *)block)[i];
    det__free(block);
    return fresh;
}
