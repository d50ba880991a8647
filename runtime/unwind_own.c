// unwind_own.c: what libunwind calls of libpthread, under the names that link_runtime.sh gives to it. It takes their addresses, to see whether
// they exist, in a way that no shared object could hold; these are always there, and near.
#include <pthread.h>

int ins__own_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int ins__own_pthread_mutex_lock(pthread_mutex_t *m);
int ins__own_pthread_mutex_unlock(pthread_mutex_t *m);

int ins__own_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a) { return pthread_mutex_init(m, a); }
int ins__own_pthread_mutex_lock(pthread_mutex_t *m) { return pthread_mutex_lock(m); }
int ins__own_pthread_mutex_unlock(pthread_mutex_t *m) { return pthread_mutex_unlock(m); }
