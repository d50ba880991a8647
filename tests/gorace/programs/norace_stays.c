// norace_stays.c: a goroutine that waits in a call of libc's goes on in the same thread, whoever has its P by then.
#include "gorace.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { PAIRS = 10, ROUNDS = 50 };
static rv_waitgroup wg;
static int pipes[PAIRS][2];
static void reader(void *arg)
{
    const int *const ends = arg;
    for (int i = 0; i < ROUNDS; i++) {
        const long thread = syscall(SYS_gettid);
        char byte;
        errno = i + 1;
        if (read(ends[0], &byte, 1) != 1 || errno != i + 1) abort();
        if (syscall(SYS_gettid) != thread) abort();
        rv_gosched();
    }
    rv_wg_done(&wg);
}
static void writer(void *arg)
{
    const int *const ends = arg;
    for (int i = 0; i < ROUNDS; i++) {
        rv_gosched();
        if (write(ends[1], "x", 1) != 1) abort();
    }
    rv_wg_done(&wg);
}
static void body(void *arg)
{
    (void)arg;
    rv_wg_add(&wg, 2 * PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        if (pipe(pipes[i])) abort();
        rv_go(reader, pipes[i]);
        rv_go(writer, pipes[i]);
    }
    rv_wg_wait(&wg);
}
