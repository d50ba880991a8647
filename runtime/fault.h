// fault.h: stack overflows are reported from a signal stack. fault.c has the idea.
#ifndef RUNTIME_FAULT_H
#define RUNTIME_FAULT_H

void rv__fault_init(void);        // at rv_run: the handlers
void rv__fault_thread_init(void); // this thread's signal stack, unless it has one
void rv__fault_thread_exit(void);

#endif
