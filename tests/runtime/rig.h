// rig.h: what tests of the runtime's objects share: random numbers, waiting without sleeping, and programs that must die.
#ifndef TESTS_RUNTIME_RIG_H
#define TESTS_RUNTIME_RIG_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/sched.h"
#include "runtime/syncq.h"

static inline uint64_t rig_random(uint64_t *state) // xorshift; not of 0
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}
static inline uint64_t rig_seed(void) // SEED=n in the environment repeats a run
{
    const char *const s = getenv("SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : (uint64_t)getpid() * 0x9e3779b97f4a7c15u ^ (uint64_t)rv__now();
    if (!seed) seed = 1;
    fprintf(stderr, "SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

// Lets others run until the condition holds; a hang ends by the test's time-out.
#define RIG_UNTIL(condition)                                                                                           \
    while (!(condition)) rv_gosched()

static inline size_t rig_waiters(rv_chan *ch, bool senders)
{
    size_t n = 0;
    struct rv__g *const g = rv__enter();
    rv__lock(&ch->lock);
    const struct rv__waitq *const q = senders ? &ch->senders : &ch->receivers;
    for (const struct rv__waiter *w = q->last; w; w = w->next == q->last ? NULL : w->next) n++;
    rv__unlock(&ch->lock);
    rv__leave(g);
    return n;
}

// How many wait in a ring of syncq.h, at which nobody else is at work.
static inline size_t rig_sleepers(void *const *queue)
{
    size_t n = 0;
    const struct rv__sleeper *const last = *queue;
    for (const struct rv__sleeper *w = last; w; w = w->next == last ? NULL : w->next) n++;
    return n;
}
// How many goroutines and plain threads wait for this reason.
static inline int rig_waiting(enum rv__why why)
{
    int n = 0;
    for (const struct rv__g_block *b = base_load_acquire(&rv__g_blocks); b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++)
            n += base_load_acquire(&b->gs[i].state) == RV__WAITING && b->gs[i].why == why;
    for (const struct rv__m *m = base_load_acquire(&rv__sched.all_m); m; m = m->all_next)
        n += base_load_acquire(&m->hidden.state) == RV__WAITING && m->hidden.why == why;
    return n;
}
// A page that holds one object and goes away as a whole.
static inline void *rig_page(void)
{
    void *const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(page, MAP_FAILED);
    return page;
}

// Runs fn(arg) as the main goroutine of a child process. Returns its wait status, and in said (NUL-terminated, cut at `room`) what it
// wrote to stderr.
static inline int rig_child(rv_fn *fn, void *arg, char *said, size_t room)
{
    int fds[2], status = 0;
    size_t n = 0;
    cr_assert_eq(pipe(fds), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        _exit(rv_run(fn, arg) ? 3 : 0);
    }
    close(fds[1]);
    for (ssize_t k; n < room - 1 && (k = read(fds[0], said + n, room - 1 - n)) > 0;) n += (size_t)k;
    said[n] = 0;
    close(fds[0]);
    waitpid(pid, &status, 0);
    return status;
}
// It must end with code 2 and say `text`.
static inline void rig_dies(rv_fn *fn, void *arg, const char *text)
{
    char said[16384];
    const int status = rig_child(fn, arg, said, sizeof said);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "status 0x%x; said: %s", (unsigned)status, said);
    cr_assert(strstr(said, text), "no '%s' in: %s", text, said);
}

#endif
