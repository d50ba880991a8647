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
// A stack as it is at the first instruction of a function: with room for a return address.
#define RV__SP_IN_CALL(hi) (((hi) & ~(uintptr_t)15) - 8)

#elif defined(__aarch64__)

#ifdef __ARM_FEATURE_SVE
#define RV__CLOBBERED_SVE                                                                                              \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15", "ffr"
#else
#define RV__CLOBBERED_SVE
#endif
#define RV__CLOBBERED                                                                                                  \
    "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",     \
        "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "memory", "cc", "v0", "v1", "v2", \
        "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",       \
        "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31" RV__CLOBBERED_SVE

// hint #36 is `bti j`: where branch targets are checked, this is one.
ALWAYS_INLINE void rv__switch(struct rv__context *from, const struct rv__context *to)
{
    register struct rv__context *x0 __asm__("x0") = from;
    register const struct rv__context *x1 __asm__("x1") = to;
    __asm__ volatile("adr x16, 1f\n\t"
                     "mov x17, sp\n\t"
                     "stp x17, x29, [x0]\n\t"
                     "str x16, [x0, #16]\n\t"
                     "ldr x16, [x1, #16]\n\t"
                     "ldp x17, x29, [x1]\n\t"
                     "mov sp, x17\n\t"
                     "br x16\n"
                     "1: hint #36"
                     : "+r"(x0), "+r"(x1)
                     :
                     : RV__CLOBBERED);
}
// Goes there and never comes back.
ALWAYS_INLINE _Noreturn void rv__switch_away(const struct rv__context *to)
{
    register const struct rv__context *x1 __asm__("x1") = to;
    __asm__ volatile("ldr x16, [x1, #16]\n\t"
                     "ldp x17, x29, [x1]\n\t"
                     "mov sp, x17\n\t"
                     "br x16"
                     :
                     : "r"(x1)
                     : "memory");
    __builtin_unreachable();
}

// The control word; 0: the default one.
ALWAYS_INLINE uint32_t rv__fpu_read(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (uint32_t)fpcr;
}
ALWAYS_INLINE void rv__fpu_write(uint32_t word) // as rv__fpu_read gave it
{
    const uint64_t fpcr = word;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

// Where a new goroutine starts: calls rv__main, with nothing above it for an unwinder to find.
#define RV__START_ASM                                                                                                  \
    __asm__(".pushsection .text\n"                                                                                     \
            ".type rv__start, %function\n"                                                                             \
            ".hidden rv__start\n"                                                                                      \
            ".globl rv__start\n"                                                                                       \
            "rv__start:\n\t"                                                                                           \
            ".cfi_startproc\n\t"                                                                                       \
            ".cfi_undefined x30\n\t"                                                                                   \
            "hint #36\n\t"                                                                                             \
            "mov x29, xzr\n\t"                                                                                         \
            "mov x30, xzr\n\t"                                                                                         \
            "bl rv__main\n\t"                                                                                          \
            "brk #0\n\t"                                                                                               \
            ".cfi_endproc\n"                                                                                           \
            ".size rv__start, . - rv__start\n"                                                                         \
            ".popsection");
#define RV__SP_IN_CALL(hi) ((hi) & ~(uintptr_t)15)
#else
#error "no context switch for this machine yet"
#endif

void rv__start(void);
static inline void rv__context_init(struct rv__context *c, uintptr_t stack_hi)
{
    *c = (struct rv__context){.sp = stack_hi & ~(uintptr_t)15, .fp = 0, .pc = (uintptr_t)rv__start};
}
// fn begins on the stack that ends at stack_hi.
static inline struct rv__context rv__context_call(void (*fn)(void), uintptr_t stack_hi)
{
    return (struct rv__context){.sp = RV__SP_IN_CALL(stack_hi), .fp = 0, .pc = (uintptr_t)fn};
}

#endif
