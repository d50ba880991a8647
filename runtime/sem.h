// sem.h: what sysmon does for semaphores. sem.c says why.
#ifndef RUNTIME_SEM_H
#define RUNTIME_SEM_H

#include <stdbool.h>

bool rv__sem_posts_left(void); // by signal handlers, that sysmon has to do. Any time
bool rv__sem_deliver(
    bool drop); // does them, or drops them at the end; false: there were none. sysmon's, in its section

#endif
