// base/env.h: the environment as the kernel gave it. libc may not have found its own pointer to it yet when we start,
// and a program may change its copy later.
#ifndef BASE_ENV_H
#define BASE_ENV_H

// The value of a variable when the process began; NULL: not set.
const char *base_env(const char *name);

#endif
