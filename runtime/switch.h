// switch.h: from one context to another.
//
// rv__switch saves where it is and jumps to where another was saved. It is inline and declares every register changed,
// so the compiler saves just those that it needs: 1.1 ns, against 2.5 to 13 for a function that pushes them all and returns
// (a return that the processor's return stack cannot predict is most of that). What remains is the stack pointer, the
// frame pointer and the place to go on. An unwinder finds a parked context's caller by the tables of the function
// that parked: its saved registers lie in its frame.
//
// Control words of the FPU are kept apart (rv__fpu_*): goroutines start with the default ones, and nearly none changes them.
#ifndef RUNTIME_SWITCH_H
#define RUNTIME_SWITCH_H

#include <stdint.h>

#include "base/atomic.h"

struct rv__context {
    uintptr_t sp, fp, pc;
};

#if defined(__x86_64__)

#define RV__CLOBBERED                                                                                                  \
    "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1",  \
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",   \
        "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

ALWAYS_INLINE void rv__switch(struct rv__context *from, const struct rv__context *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, (%0)\n\t"
                     "movq %%rbp, 8(%0)\n\t"
                     "movq %%rax, 16(%0)\n\t"
                     "movq (%1), %%rsp\n\t"
                     "movq 8(%1), %%rbp\n\t"
                     "jmpq *16(%1)\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : RV__CLOBBERED);
}
// Goes there and never comes back.
ALWAYS_INLINE _Noreturn void rv__switch_away(const struct rv__context *to)
{
    __asm__ volatile("movq (%0), %%rsp\n\t"
                     "movq 8(%0), %%rbp\n\t"
                     "jmpq *16(%0)"
                     :
                     : "S"(to)
                     : "memory");
    __builtin_unreachable();
}

enum { RV__X87_DEFAULT = 0x37f, RV__MXCSR_DEFAULT = 0x1f80, RV__MXCSR_CONTROL = 0xffc0 };
// The control words; 0: the default ones. What is in a status part is nobody's.
ALWAYS_INLINE uint32_t rv__fpu_read(void)
{
    uint16_t x87;
    uint32_t sse;
    __asm__ volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(x87), "=m"(sse));
    sse &= RV__MXCSR_CONTROL;
    if (likely(x87 == RV__X87_DEFAULT && sse == RV__MXCSR_DEFAULT)) return 0;
    return (uint32_t)x87 << 16 | sse;
}
ALWAYS_INLINE void rv__fpu_write(uint32_t words) // as rv__fpu_read gave them
{
    const uint16_t x87 = words ? (uint16_t)(words >> 16) : RV__X87_DEFAULT;
    const uint32_t sse = words ? words & RV__MXCSR_CONTROL : RV__MXCSR_DEFAULT;
    __asm__ volatile("fldcw %0\n\tldmxcsr %1" : : "m"(x87), "m"(sse));
}

// Where a new goroutine starts: calls rv__main, with nothing above it for an unwinder to find.
#define RV__START_ASM                                                                                                  \
    __asm__(".pushsection .text\n"                                                                                     \
            ".type rv__start, @function\n"                                                                             \
            ".hidden rv__start\n"                                                                                      \
            ".globl rv__start\n"                                                                                       \
            "rv__start:\n\t"                                                                                           \
            ".cfi_startproc\n\t"                                                                                       \
            ".cfi_undefined rip\n\t"                                                                                   \
            "xorl %ebp, %ebp\n\t"                                                                                      \
            "call rv__main\n\t"                                                                                        \
            "ud2\n\t"                                                                                                  \
            ".cfi_endproc\n"                                                                                           \
            ".size rv__start, . - rv__start\n"                                                                         \
            ".popsection");
#else
#error "no context switch for this machine yet"
#endif

void rv__start(void);
// Stacks lie a power of two apart, and so would the frames of all goroutines in the same sets of the cache: each starts up to
// 960 bytes further down, by its address.
static inline void rv__context_init(struct rv__context *c, uintptr_t stack_hi)
{
    const uintptr_t color = (uint32_t)((uint32_t)(stack_hi >> 12) * 0x9e3779b1u) >> 28;
    *c = (struct rv__context){.sp = (stack_hi & ~(uintptr_t)15) - color * 64, .fp = 0, .pc = (uintptr_t)rv__start};
}

#endif
