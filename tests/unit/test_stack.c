// The call trie against what was put in, from many threads at once; and unwinding from a known chain of calls.
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "detector/stack.h"

static uint32_t push_all(const uintptr_t *pc, int n)
{
    uint32_t node = 0;
    for (int i = 0; i < n; i++) node = det_stack_push(node, pc[i]);
    return node;
}

Test(stack, empty)
{
    struct det_stack s;
    det_stack_read(0, &s);
    cr_expect_eq(s.n, 0);
    cr_expect_not(s.cut);
}
Test(stack, what_goes_in_comes_out_innermost_first)
{
    const uintptr_t pc[] = {0x1000, 0x2000, 0x3000, 0x2000};
    struct det_stack s;
    det_stack_read(push_all(pc, 4), &s);
    cr_assert_eq(s.n, 4);
    for (uint32_t i = 0; i < 4; i++) cr_expect_eq(s.pc[i], pc[3 - i]);
}
Test(stack, equal_stacks_are_one_node)
{
    const uintptr_t a[] = {1, 2, 3}, b[] = {1, 2, 4}, c[] = {2, 3};
    const uint64_t before = det_stack_count();
    const uint32_t node = push_all(a, 3);
    cr_expect_eq(push_all(a, 3), node);
    cr_expect_neq(push_all(b, 3), node);
    cr_expect_neq(push_all(c, 2), node);
    cr_expect_eq(det_stack_count() - before - (before == 0), 6);
}
Test(stack, deep_ones_keep_the_innermost)
{
    uint32_t node = 0;
    for (uintptr_t i = 1; i <= 1000; i++) node = det_stack_push(node, i);
    struct det_stack s;
    det_stack_read(node, &s);
    cr_expect(s.cut);
    cr_assert_eq(s.n, DET_STACK_MAX);
    cr_expect_eq(s.pc[0], 1000);
    cr_expect_eq(s.pc[DET_STACK_MAX - 1], 1000 - DET_STACK_MAX + 1);
}
Test(stack, reset)
{
    det_stack_push(0, 77);
    det_stack_reset();
    cr_expect_eq(det_stack_count(), 1);
    struct det_stack s;
    det_stack_read(det_stack_push(0, 78), &s);
    cr_expect_eq(s.n, 1);
    cr_expect_eq(s.pc[0], 78);
}

// Threads that push the same pairs in different orders must get the same node for the same stack.
enum { THREADS = 4, CHAINS = 2000, DEPTH = 6 };
static uint32_t result[THREADS][CHAINS];
static pthread_barrier_t start;
static uint32_t chain(int c)
{
    uint32_t node = 0;
    for (int d = 0; d < DEPTH; d++) node = det_stack_push(node, (uintptr_t)(c >> d) * 8 + (uintptr_t)d + 1);
    return node;
}
static void *push_chains(void *arg)
{
    const int t = (int)(intptr_t)arg;
    pthread_barrier_wait(&start);
    for (int i = 0; i < CHAINS; i++) {
        const int c = t % 2 ? i : CHAINS - 1 - i;
        result[t][c] = chain(c);
    }
    return NULL;
}
Test(stack, threads_agree)
{
    pthread_t thread[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (int t = 0; t < THREADS; t++) pthread_create(&thread[t], NULL, push_chains, (void *)(intptr_t)t);
    for (int t = 0; t < THREADS; t++) pthread_join(thread[t], NULL);
    for (int c = 0; c < CHAINS; c++) {
        const uint32_t node = chain(c);
        for (int t = 0; t < THREADS; t++) cr_assert_eq(result[t][c], node, "thread %d, chain %d", t, c);
    }
}

// ---- unwinding -----------------------------------------------------------------------------------------------

static uintptr_t outer_pc;
static __attribute__((noinline)) uint32_t entry(void) // stands for an interposer: what follows it is the program's
{
    const uint32_t node = det_stack_unwind((uintptr_t)__builtin_return_address(0));
    __asm__ volatile("" ::: "memory");
    return node;
}
static __attribute__((noinline)) uint32_t inner(uintptr_t *pc)
{
    const uint32_t node = entry();
    *pc = (uintptr_t)__builtin_return_address(0);
    return node;
}
static __attribute__((noinline)) uint32_t outer(uintptr_t *pc)
{
    const uint32_t node = inner(pc);
    outer_pc = (uintptr_t)__builtin_return_address(0);
    return node;
}
Test(stack, unwind_begins_at_the_pc)
{
    uintptr_t in_outer;
    errno = 4711;
    const uint32_t node = outer(&in_outer);
    cr_expect_eq(errno, 4711);
    struct det_stack s;
    det_stack_read(node, &s);
    cr_assert_geq(s.n, 3);
    cr_expect(s.pc[0] > (uintptr_t)inner && s.pc[0] < (uintptr_t)inner + 200, "innermost: in inner()");
    cr_expect_eq(s.pc[1], in_outer);
    cr_expect_eq(s.pc[2], outer_pc);
}
Test(stack, unwind_again_is_the_same_node)
{
    uint32_t node[2];
    uintptr_t pc;
    for (volatile int i = 0; i < 2; i++) node[i] = outer(&pc); // volatile: one call, not two
    cr_expect_eq(node[0], node[1]);
}
static uintptr_t not_on_stack = 0x1234;
static __attribute__((noinline)) uint32_t entry_with(uintptr_t pc)
{
    const uint32_t node = det_stack_unwind(pc);
    __asm__ volatile("" ::: "memory");
    return node;
}
Test(stack, unwind_with_a_pc_that_is_not_on_the_stack)
{
    struct det_stack s;
    det_stack_read(entry_with(not_on_stack), &s);
    cr_assert_geq(s.n, 2);
    cr_expect_eq(s.pc[0], not_on_stack, "it is put in front");
    det_stack_read(entry_with(0), &s);
    cr_expect_geq(s.n, 1);
}
static __attribute__((noinline)) uint32_t recurse(int depth)
{
    const uint32_t node = depth ? recurse(depth - 1) : entry();
    __asm__ volatile("" ::: "memory");
    return node;
}
Test(stack, unwind_a_deep_recursion)
{
    struct det_stack s;
    det_stack_read(recurse(10000), &s);
    cr_expect_eq(s.n, DET_STACK_MAX);
    cr_expect(s.cut);
}

// ---- memory for libunwind --------------------------------------------------------------------------------------

Test(stack, memory)
{
    char *p = det__malloc(10);
    for (int i = 0; i < 10; i++) p[i] = (char)i;
    p = det__realloc(p, 100000);
    for (int i = 0; i < 10; i++) cr_expect_eq(p[i], i);
    p = det__realloc(p, 5);
    for (int i = 0; i < 5; i++) cr_expect_eq(p[i], i);
    det__free(p);
    det__free(NULL);
    const size_t huge = SIZE_MAX / 2;
    cr_expect_null(det__calloc(huge, 3), "the product does not fit");
    const char *z = det__calloc(7, 9);
    for (int i = 0; i < 63; i++) cr_expect_eq(z[i], 0);
}
