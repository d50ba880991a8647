// switch_program.c: switch.h alone, without the rest of the runtime: what is live across a switch survives it, control words of the
// FPU too, and stacks stay where they are. A program of its own, so that it also runs for other machines (switch.sh).
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/switch.h"

RV__START_ASM

enum { CONTEXTS = 7, ROUNDS = 20000, STACK = 64 << 10 };
static struct rv__context contexts[CONTEXTS], home;
static uint32_t fpu[CONTEXTS];
static char stacks[CONTEXTS][STACK] __attribute__((aligned(64)));
static int now, finished;
static uint64_t hops;

static void fail(const char *what)
{
    printf("context %d, hop %lu: %s\n", now, (unsigned long)hops, what);
    exit(1);
}
static uint64_t state = 1;
static int another(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % CONTEXTS);
}
// As the scheduler does it: control words are saved and restored when they are not the default ones.
static __attribute__((noinline)) void hop(void)
{
    const int me = now, next = another();
    hops++;
    if (next == me) return;
    fpu[me] = rv__fpu_read();
    if (fpu[me]) rv__fpu_write(0);
    if (fpu[next]) rv__fpu_write(fpu[next]);
    now = next;
    rv__switch(&contexts[me], &contexts[next]);
}

static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
// More values than there are registers, integers and floating, all of them live across each switch.
static __attribute__((noinline)) void work(int me)
{
    volatile uint64_t seed_of = (uint64_t)me * 1000003;
    const uint64_t s = seed_of;
    uint64_t i0 = s, i1 = s + 1, i2 = s + 2, i3 = s + 3, i4 = s + 4, i5 = s + 5, i6 = s + 6, i7 = s + 7, i8 = s + 8,
             i9 = s + 9;
    double d0 = (double)s, d1 = d0 + 1, d2 = d0 + 2, d3 = d0 + 3, d4 = d0 + 4, d5 = d0 + 5, d6 = d0 + 6, d7 = d0 + 7,
           d8 = d0 + 8;
    long double wide = (long double)s + 0.5L;
    fesetround(roundings[me % 4]);
    for (uint64_t k = 0; k < ROUNDS; k++) {
        rv__switch(&contexts[me], &contexts[me]); // to itself: every register is lost, and comes back
        hop();
        i0++, i1++, i2++, i3++, i4++, i5++, i6++, i7++, i8++, i9++;
        d0++, d1++, d2++, d3++, d4++, d5++, d6++, d7++, d8++, wide++;
        if (now != me) fail("somebody else's turn");
        if (fegetround() != roundings[me % 4]) fail("the rounding mode is another one");
    }
    if (i0 != s + ROUNDS || i1 != i0 + 1 || i2 != i0 + 2 || i3 != i0 + 3 || i4 != i0 + 4) fail("an integer changed");
    if (i5 != i0 + 5 || i6 != i0 + 6 || i7 != i0 + 7 || i8 != i0 + 8 || i9 != i0 + 9) fail("an integer changed");
    if (d0 != (double)i0 || d1 != d0 + 1 || d2 != d0 + 2 || d3 != d0 + 3 || d4 != d0 + 4) fail("a double changed");
    if (d5 != d0 + 5 || d6 != d0 + 6 || d7 != d0 + 7 || d8 != d0 + 8) fail("a double changed");
    if (wide != (long double)i0 + 0.5L) fail("a long double changed");
}
__attribute__((used)) _Noreturn void rv__main(void)
{
    const int me = now;
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here < (uintptr_t)stacks[me] || here >= (uintptr_t)stacks[me] + STACK) fail("on the wrong stack");
    work(me);
    finished++;
    while (finished < CONTEXTS) hop();
    rv__switch_away(&home);
}

static void called(void)
{
    char local[32] __attribute__((aligned(16)));
    memset(local, 1, sizeof local); // an aligned store: faults where the stack is not as in a call
    __asm__ volatile("" : : "r"(local) : "memory");
    if ((uintptr_t)local % 16) fail("the stack is not aligned");
    rv__switch_away(&home);
}
int main(void)
{
    if (rv__fpu_read() != 0) fail("the default control words are not 0");
    const struct rv__context c = rv__context_call(called, (uintptr_t)stacks[0] + STACK - 24);
    rv__switch(&home, &c);
    for (int i = 0; i < CONTEXTS; i++) rv__context_init(&contexts[i], (uintptr_t)stacks[i] + STACK - 8 * (unsigned)i);
    rv__switch(&home, &contexts[0]);
    fesetround(FE_TONEAREST);
    if (hops < (uint64_t)CONTEXTS * ROUNDS) fail("too few hops");
    printf("%lu hops\n", (unsigned long)hops);
}
