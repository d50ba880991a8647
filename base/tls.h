// base/tls.h: where a thread's variables are.
#ifndef BASE_TLS_H
#define BASE_TLS_H

#include <stddef.h>

// How many bytes below the thread pointer hold the variables of what was loaded at the start, by the dynamic linker's rule. Takes no lock.
size_t base_static_tls(void);

#endif
