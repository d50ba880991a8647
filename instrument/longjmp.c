// longjmp.c: a jump over frames. The functions that it leaves never reach their __tsan_func_exit, so the shadow call
// stack is cut back to the frame that called setjmp. Its stack pointer is in the jump buffer, mangled as glibc does
// it: xor with the thread's pointer guard, rotated left by 17.
#include "instrument/interpose.h"

enum { RSP = 6 }; // index in __jmpbuf on x86-64

static uintptr_t stack_pointer_of(const struct __jmp_buf_tag *env)
{
    uintptr_t sp = (uintptr_t)env->__jmpbuf[RSP];
    __asm__("ror $17, %0\n\txor %%fs:0x30, %0" : "+r"(sp)); // 0x30: tcbhead_t.pointer_guard
    return sp;
}
#define JUMP(name)                                                                                                     \
    INTERFACE void name(struct __jmp_buf_tag env[1], int value)                                                        \
    {                                                                                                                  \
        det_func_unwind(ins_self(), stack_pointer_of(env));                                                            \
        REAL(name)(env, value);                                                                                        \
        __builtin_unreachable();                                                                                       \
    }
JUMP(longjmp)
JUMP(_longjmp)
JUMP(siglongjmp)
JUMP(__longjmp_chk)
