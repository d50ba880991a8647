// After a longjmp the call stacks are those of the functions that are left, not of those that were jumped over.
#include "../race.h"
#include <setjmp.h>

int data;
static jmp_buf env;
static sigjmp_buf sig_env;
static __attribute__((noinline)) void deep(int n)
{
    if (n > 0)
        deep(n - 1);
    else if (data == 0)
        longjmp(env, 1);
    else
        siglongjmp(sig_env, 1);
    __asm__ volatile("");
}
static __attribute__((noinline)) void touch(int value)
{
    // stack: touch first run_first
    data = value; // race: data
    __asm__ volatile("");
}
static __attribute__((noinline)) void first(void)
{
    for (volatile int i = 0; i < 100; i++)
        if (setjmp(env) == 0) deep(20);
    touch(1);
    if (sigsetjmp(sig_env, 1) == 0) deep(20);
}
static __attribute__((noinline)) void second(void)
{
    // stack: second run_second
    data = 2; // race: data
}
