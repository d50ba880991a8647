#include "base/env.h"

#include <stddef.h>

#include "base/print.h"

extern void *__libc_stack_end; // the dynamic linker's: the initial stack pointer. argc, argv, NULL, environment, NULL

const char *base_env(const char *name)
{
    const long argc = *(const long *)__libc_stack_end;
    const char *const *env = (const char *const *)__libc_stack_end + 1 + argc + 1;
    const size_t n = base_strlen(name);
    for (; *env; env++)
        if (base_strncmp(*env, name, n) == 0 && (*env)[n] == '=') return *env + n + 1;
    return NULL;
}
