// malloc.c: the malloc family, and mappings.
//
// A block's life is told around the real allocator: after it returned the block, before it takes it back, so that no
// other thread can be given the memory in between. realloc is malloc, copy and free for the detector, whether the
// block moves or not. Works from the first call on: while Ravel itself is at work on the thread ins_self() is nobody,
// whose events go nowhere. C++'s operator new comes through here too.
//
// libc and the dynamic linker free blocks of their own in one thread that another one allocated, ordered by locks that
// nobody sees. So a block that they take back is forgotten, not checked.
#include "instrument/interpose.h"

static inline void *allocated(struct det_strand *s, uintptr_t pc, void *p, size_t n)
{
    if (likely(p != NULL)) det_alloc(s, pc, (uintptr_t)p, n);
    return p;
}
INTERFACE void *malloc(size_t n)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_malloc)(n), n);
}
INTERFACE void *calloc(size_t n, size_t size)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_calloc)(n, size), n * size); // an overflow got NULL
}
// Before the allocator takes the block back. False when it is none that we know.
static inline bool freed(struct det_strand *s, uintptr_t pc, void *p)
{
    if (likely(!ins_in_libc(pc))) return det_free(s, pc, (uintptr_t)p);
    det_unmap(s, (uintptr_t)p, REAL(malloc_usable_size)(p));
    return true;
}
INTERFACE void free(void *p)
{
    struct det_strand *s = ins_self();
    if (p) freed(s, CALLER_PC, p);
    REAL(__libc_free)(p);
}
static void *reallocate(struct det_strand *s, uintptr_t pc, void *old, size_t n)
{
    if (!old) return allocated(s, pc, REAL(__libc_malloc)(n), n);
    const size_t had = REAL(malloc_usable_size)(old);
    const bool known = freed(s, pc, old);
    void *p = REAL(__libc_realloc)(old, n);
    if (p) return allocated(s, pc, p, n);
    if (n != 0 && known) det_alloc(s, pc, (uintptr_t)old, had); // refused: the old block lives on
    return NULL;
}
INTERFACE void *realloc(void *old, size_t n)
{
    struct det_strand *s = ins_self();
    return reallocate(s, CALLER_PC, old, n);
}
INTERFACE void *reallocarray(void *old, size_t n, size_t size)
{
    struct det_strand *s = ins_self();
    size_t bytes;
    if (!__builtin_mul_overflow(n, size, &bytes)) return reallocate(s, CALLER_PC, old, bytes);
    errno = ENOMEM;
    return NULL;
}
INTERFACE void *memalign(size_t align, size_t n)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_memalign)(align, n), n);
}
INTERFACE void *aligned_alloc(size_t align, size_t n)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_memalign)(align, n), n);
}
INTERFACE int posix_memalign(void **out, size_t align, size_t n)
{
    struct det_strand *s = ins_self();
    if (align < sizeof(void *) || (align & (align - 1)) != 0) return EINVAL;
    const int saved = errno;
    void *p = REAL(__libc_memalign)(align, n);
    errno = saved;
    if (!p) return ENOMEM;
    *out = allocated(s, CALLER_PC, p, n);
    return 0;
}
INTERFACE void *valloc(size_t n)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_valloc)(n), n);
}
INTERFACE void *pvalloc(size_t n)
{
    struct det_strand *s = ins_self();
    return allocated(s, CALLER_PC, REAL(__libc_pvalloc)(n), n);
}

// ---- mappings ----------------------------------------------------------------------------------------------
// What happened in a fresh mapping before it was made is forgotten: the memory may have been given back where we do
// not see it (free of a large block, a thread's stack). Gone mappings are forgotten before they go.

INTERFACE void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    struct det_strand *s = ins_self();
    void *p = REAL(mmap)(at, n, prot, flags, fd, offset);
    if (p != MAP_FAILED) det_unmap(s, (uintptr_t)p, n);
    return p;
}
INTERFACE void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
    struct det_strand *s = ins_self();
    void *p = REAL(mmap64)(at, n, prot, flags, fd, offset);
    if (p != MAP_FAILED) det_unmap(s, (uintptr_t)p, n);
    return p;
}
INTERFACE int munmap(void *p, size_t n)
{
    struct det_strand *s = ins_self();
    enum { PAGE_MASK = 4095 };
    if (((uintptr_t)p & PAGE_MASK) == 0) det_unmap(s, (uintptr_t)p, n); // else it is refused with EINVAL
    return REAL(munmap)(p, n);
}
INTERFACE void *mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
    struct det_strand *s = ins_self();
    va_list ap;
    va_start(ap, flags);
    void *to = flags & MREMAP_FIXED ? va_arg(ap, void *) : NULL;
    va_end(ap);
    void *p = REAL(mremap)(old, old_size, size, flags, to);
    if (p == MAP_FAILED) return p;
    if (p != old) {
        det_unmap(s, (uintptr_t)p, size);
    } else if (size > old_size) {
        det_unmap(s, (uintptr_t)old + old_size, size - old_size);
    }
    return p;
}
