// leak_program.c: which goroutines rv_leak_check says nothing can wake: known answers, and random graphs against a naive model.
//
// Pointers must be where a test means them to be, and nowhere else: so everything is made by goroutines that have ended by the time of
// the look, and what main needs to remember is kept as its complement. For the same reason it is a program of its own: what a test
// framework keeps in its memory is not known.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/flags.h"
#include "runtime/sched.h"

#define RIG_UNTIL(condition)                                                                                           \
    while (!(condition)) rv_gosched()
static int failures, found_in_graphs;
static void expect(const char *what, long is, long wanted)
{
    if (is == wanted) return;
    printf("%s: %ld, not %ld\n", what, is, wanted);
    failures++;
}
static uint64_t next_random(uint64_t *state) // xorshift; not of 0
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static int waiting(void) // goroutines that are at rest at an object
{
    struct rv__g *const g = rv__enter();
    int n = 0;
    for (const struct rv__g_block *b = rv__g_blocks; b; b = b->next)
        for (uint64_t i = 0; i < b->n; i++)
            n += base_load_acquire(&b->gs[i].state) == RV__WAITING && !base_load_acquire(&b->gs[i].on_cpu) &&
                 !b->gs[i].dropped && b->gs[i].why != RV__WHY_LEFTOVER;
    rv__leave(g);
    return n;
}
// Starts make(arg), waits for its end, and until n goroutines wait.
static void make(rv_fn *fn, void *arg, int n)
{
    rv_waitgroup wg = {0};
    rv_wg_go(&wg, fn, arg);
    rv_wg_wait(&wg);
    RIG_UNTIL(waiting() == n && rv_num_goroutine() == n + 1);
}
static const rv_leak_options quiet = {.flags = RV_LEAK_QUIET};
static int leaks(void) { return rv_leak_check(&quiet); }

// ---- known answers -------------------------------------------------------------------------------------------------------

struct pair {
    rv_chan *a, *b;
};
static rv_chan *in_global;
static struct pair *pair_in_global;
static rv_waitgroup *wg_in_global;
#define KEEP __asm__ volatile("") // after a call: no jump in its place, so that its frame is there to be found
NOINLINE static void receive(void *ch)
{
    rv_chan_recv(ch, NULL);
    KEEP;
}
static void receive_tagged(void *ch) { rv_chan_recv((void *)((uintptr_t)ch & ~(uintptr_t)7), NULL); }
static void receive_then_send(void *p)
{
    struct pair *const pair = p;
    rv_chan_recv(pair->a, NULL);
    rv_chan_send(pair->b, NULL);
}
static void select_two(void *p)
{
    struct pair *const pair = p;
    rv_case cases[] = {RV_RECV(pair->a, NULL), RV_SEND(pair->b, NULL)};
    rv_select(cases, 2, 0);
}
static void select_for_an_hour(void *ch)
{
    rv_case cases[] = {RV_RECV(ch, NULL), RV_TIMEOUT(3600000000000)};
    rv_select(cases, 2, 0);
}
static void sleep_holding(void *ch)
{
    rv_sleep(3600000000000);
    rv_chan_send(ch, NULL);
}
static void send_nil(void *none) { rv_chan_send(none, NULL); }
static void select_nothing(void *none)
{
    (void)none;
    rv_select(NULL, 0, 0);
}
static void wait_wg(void *wg) { rv_wg_wait(wg); }
static void wait_sem(void *s) { rv_sem_acquire(NULL, s, 1); }
static void lock_mutex(void *m) { rv_mutex_lock(m); }
static void wait_cond(void *c)
{
    rv_mutex m = {0};
    rv_mutex_lock(&m);
    rv_cond_wait(c, &m);
}
static void tick(void *ch) { rv_chan_send(ch, NULL); }
NOINLINE static rv_chan *event(void)
{
    rv_chan *const ch = rv_chan_make(0, 0);
    KEEP;
    return ch;
}
static struct pair *new_pair(void)
{
    struct pair *const p = malloc(sizeof *p);
    *p = (struct pair){event(), event()};
    return p;
}

static void one_without_a_sender(void *none)
{
    (void)none;
    rv_go(receive, event());
}
static void one_in_a_global(void *none)
{
    (void)none;
    rv_go(receive, in_global = event());
}
static void tagged_in_the_heap(void *none)
{
    (void)none;
    pair_in_global = malloc(sizeof *pair_in_global);
    rv_chan *const ch = event();
    pair_in_global->b = (rv_chan *)((uintptr_t)ch | 5);
    pair_in_global = (void *)((char *)pair_in_global + 3); // an interior pointer
    rv_go(receive_tagged, ch);
}
static void a_chain(void *none) // the first waits for ever, so the second does
{
    (void)none;
    struct pair *const p = new_pair();
    rv_go(receive_then_send, p);
    rv_go(receive, p->b);
}
static void a_chain_with_a_begin(void *none)
{
    (void)none;
    struct pair *const p = new_pair();
    rv_go(receive_then_send, p);
    rv_go(receive, p->b);
    in_global = p->a;
}
static void through_a_buffer(void *none) // a channel in the buffer of one that is reached
{
    (void)none;
    rv_chan *const ch = event();
    rv_go(receive, ch);
    in_global = RV_CHAN(rv_chan *, 100000);
    for (int i = 0; i < 50000; i++) rv_chan_send(in_global, &(rv_chan *){NULL});
    rv_chan_send(in_global, &ch);
}
static void a_select(void *none)
{
    (void)none;
    rv_go(select_two, new_pair());
    struct pair *const p = new_pair();
    rv_go(select_two, p);
    in_global = p->b;
}
static void with_time(void *none) // one may send after its hour, one stops by itself
{
    (void)none;
    rv_chan *const ch = event();
    rv_go(receive, ch);
    rv_go(sleep_holding, ch);
    rv_go(select_for_an_hour, event());
}
static void never(void *none)
{
    rv_go(send_nil, none);
    rv_go(select_nothing, none);
}
static void other_objects(void *none)
{
    (void)none;
    rv_mutex *const m = calloc(1, sizeof *m);
    rv_mutex_lock(m);
    rv_go(wait_wg, memset(malloc(100), 0, 100));
    rv_go(lock_mutex, m);
    rv_go(wait_sem, calloc(1, sizeof(rv_sem)));
    rv_go(wait_cond, calloc(1, sizeof(rv_cond)));
}
static void add_wg(void *arg) { rv_wg_add(arg, 1); }
static void other_objects_in_globals(void *none)
{
    (void)none;
    static rv_mutex m;
    static rv_sem sem;
    static rv_cond cond;
    m = (rv_mutex){0}; // what an earlier run left there is of no use
    sem = (rv_sem){0};
    cond = (rv_cond){0};
    rv_mutex_lock(&m);
    wg_in_global = calloc(1, sizeof *wg_in_global);
    add_wg(wg_in_global);
    rv_go(wait_wg, wg_in_global);
    rv_go(lock_mutex, &m);
    rv_go(wait_sem, &sem);
    rv_go(wait_cond, &cond);
}
static void a_timer(void *none)
{
    (void)none;
    rv_timer *const t = malloc(sizeof *t); // nothing points to it but the runtime
    rv_chan *const ch = event();
    rv_timer_init(t, tick, ch);
    rv_timer_start(t, 3600000000000);
    rv_go(receive, ch);
}
static rv_ctx *ctx_in_global;
static void wait_sem_ctx(void *ctx) { rv_sem_acquire(ctx, calloc(1, sizeof(rv_sem)), 1); }
static void with_contexts(void *none) // they may be cancelled, or by the parent, or pass
{
    (void)none;
    ctx_in_global = rv_ctx_with_cancel(NULL);
    for (int i = 0; i < 5; i++) {
        rv_go(wait_sem_ctx, ctx_in_global);
        rv_go(wait_sem_ctx, rv_ctx_with_cancel(ctx_in_global));
        rv_go(wait_sem_ctx, rv_ctx_with_timeout(NULL, 3600000000000));
    }
}
static void with_a_context(void *none) // that nobody else knows
{
    (void)none;
    rv_go(wait_sem_ctx, rv_ctx_with_cancel(NULL));
}
static const struct known {
    const char *what;
    rv_fn *fn;
    int wait, leaked;
} known[] = {
    {"a receiver without a sender", one_without_a_sender, 1, 1},
    {"a channel in a global", one_in_a_global, 1, 0},
    {"a tagged pointer, in a block that an interior pointer leads to", tagged_in_the_heap, 1, 0},
    {"a chain", a_chain, 2, 2},
    {"a chain of which the begin is known", a_chain_with_a_begin, 2, 0},
    {"a channel in a channel's buffer", through_a_buffer, 1, 0},
    {"selects, one of which is known by one of its channels", a_select, 2, 1},
    {"who sleeps, and a time-out", with_time, 3, 0},
    {"what is never ready", never, 2, 2},
    {"a semaphore, a mutex and a cond in the heap", other_objects, 3, 3}, // the waitgroup is zero already
    {"the same in globals", other_objects_in_globals, 4, 0},
    {"a timer's function", a_timer, 1, 0},
    {"waits with contexts that others have", with_contexts, 15, 0},
    {"a wait with a context that nobody has", with_a_context, 1, 1},
};
// The search is conservative: a word that is left over from something else may hide a leak, so each gets some tries. One too many is
// wrong at once.
enum { TRIES = 20 };
static int last_leaked;
static void run_known(void *arg)
{
    const struct known *const k = arg;
    make(k->fn, NULL, k->wait);
    last_leaked = leaks();
    if (last_leaked > k->leaked) expect(k->what, last_leaked, k->leaked);
}
static void known_answers(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        last_leaked = -1;
        for (int n = 0; n < TRIES && last_leaked != known[i].leaked; n++) rv_run(run_known, (void *)&known[i]);
        expect(known[i].what, last_leaked, known[i].leaked);
    }
}

// ---- other threads ---------------------------------------------------------------------------------------------------------

static uint32_t go_on, holds;
static void *hold(
    void *arg) // the only pointer is in a callee-saved register, or on the stack, of a thread that sleeps in the kernel
{
    rv_chan *const ch = *(rv_chan **)arg;
    *(rv_chan **)arg = NULL;
    base_store_release(&holds, 1u);
    while (base_load_acquire(&go_on) == 0) sys_futex_wait(&go_on, 0);
    rv_chan_send(ch, NULL);
    return NULL;
}
static void spin(void *arg)
{
    rv_chan *const ch = *(rv_chan **)arg;
    *(rv_chan **)arg = NULL;
    base_store_release(&holds, 1u);
    while (base_load_acquire(&go_on) == 0) base_pause();
    rv_chan_send(ch, NULL);
}
static rv_chan *passed;
static void one_passed(void *none)
{
    (void)none;
    passed = event();
    rv_go(receive, passed);
}
static void by_a_thread(void *none)
{
    pthread_t t;
    (void)none;
    go_on = holds = 0;
    make(one_passed, NULL, 1);
    pthread_create(&t, NULL, hold, &passed);
    RIG_UNTIL(base_load_acquire(&holds));
    expect(__func__, leaks(), 0);
    base_store_release(&go_on, 1u);
    sys_futex_wake(&go_on, 1);
    rv_syscall_enter();
    pthread_join(t, NULL);
    rv_syscall_exit();
}
static void a_plain_thread_holds_it(void) { rv_run(by_a_thread, NULL); }
static void by_a_hog(void *none)
{
    (void)none;
    go_on = holds = 0;
    make(one_passed, NULL, 1);
    rv_go(spin, &passed);
    RIG_UNTIL(base_load_acquire(&holds));
    expect(__func__, leaks(), 0);
    base_store_release(&go_on, 1u);
    RIG_UNTIL(rv_num_goroutine() == 1);
}
static void who_runs_holds_it(void)
{
    rv_run(by_a_hog, NULL);
    base_flags.maxprocs = 1; // main is preempted by it, and it by main
    rv_run(by_a_hog, NULL);
}
// ---- options, reports, exit code -------------------------------------------------------------------------------------------

NOINLINE static void leaker(void *none)
{
    (void)none;
    rv_go(receive, event());
    KEEP;
}
static void options(void *none)
{
    static const char *const receive_only[] = {"other", "receive", NULL}, *const creator[] = {"leaker", NULL},
                             *const not_top[] = {"leaker", NULL};
    const rv_leak_options by_top = {.ignore_top = receive_only, .flags = RV_LEAK_QUIET},
                          by_any = {.ignore_any = creator, .flags = RV_LEAK_QUIET},
                          other = {.ignore_top = not_top, .flags = RV_LEAK_QUIET},
                          left = {.flags = RV_LEAK_LEFT | RV_LEAK_QUIET, .retries = 3};
    make(leaker, none, 1);
    expect("with the option by_top", rv_leak_check(&by_top), 0);
    expect("with the option by_any", rv_leak_check(&by_any), 0);
    expect("with the option other, at most", rv_leak_check(&other) <= 1, 1);
    rv_leak_ignore_current();
    expect(__func__, leaks(), 0);
    make(one_in_a_global, none, 2);
    expect(__func__, leaks(), 0);
    expect("with the option left", rv_leak_check(&left), 1);
    rv_chan_send(in_global, NULL);
    const rv_leak_options patient = {.flags = RV_LEAK_LEFT | RV_LEAK_QUIET, .retries = 20};
    expect("with the option patient", rv_leak_check(&patient), 0); // it is about to end
}
static void options_of_checks(void) { rv_run(options, NULL); }

static void report(void *none)
{
    make(leaker, none, 1);
    if (rv_leak_check(NULL) != 1) _exit(9);
}
// Runs fn as the main goroutine of a child process, which must end with `code` and say all parts on stderr.
static void child_says(rv_fn *fn, int code, const char *const *parts)
{
    static char said[16384];
    int fds[2], status = 0;
    size_t n = 0;
    if (pipe(fds)) abort();
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        exit(rv_run(fn, NULL));
    }
    close(fds[1]);
    for (ssize_t k; (k = read(fds[0], said + n, sizeof said - 1 - n)) > 0;) n += (size_t)k;
    said[n] = 0;
    close(fds[0]);
    waitpid(pid, &status, 0);
    expect("exit code of the child", WIFEXITED(status) ? WEXITSTATUS(status) : -1, code);
    for (; *parts; parts++)
        if (!strstr(said, *parts)) {
            printf("no '%s' in: %s\n", *parts, said);
            failures++;
        }
}
static void says_who_and_what_and_where(void)
{
    static const char *const parts[] = {
        "ravel: 1 goroutine is leaked:\n",
        " [chan receive (leaked)]:\n",
        "receive()\n",
        "created by leaker in goroutine ",
        "\twaits to receive from a channel (elements of 0 bytes, 0 of 0 there) made by event()\n",
        "\tcould have woken it: no other goroutine has a pointer to it",
        "(unreachable, conservative scan)\n",
        NULL};
    child_says(report, 0, parts);
}
static void leaves_some(void *none) // one alone might be hidden by a word that is left over
{
    for (int n = 1; n <= 8; n++) make(leaker, none, n);
}
static void at_the_end(void)
{
    static const char *const parts[] = {"leaked:\n", NULL};
    base_flags.leak_check = true;
    child_says(leaves_some, 66, parts);
    base_flags.leak_check = false;
}
static void deadlock(void *none)
{
    rv_waitgroup wg = {0};
    (void)none;
    rv_wg_add(&wg, 1);
    rv_go(wait_wg, &wg);
    rv_wg_wait(&wg);
}
static void all_asleep(void)
{
    static const char *const parts[] = {"all goroutines are asleep", "a local variable of goroutine 1\n", NULL};
    child_says(deadlock, 2, parts);
}

// ---- random graphs: what is found is leaked, to the naive model as well ---------------------------------------------------------------------------------------------------------

enum { NODES = 40, LINKS = 2, ROOTS = 3, WAITERS = 20 };
struct node {
    char before[40]; // pointers into it may be interior
    rv_chan *ch;
    struct node *to[LINKS];
};
struct graph {                                                                   // the model: by numbers
    int ch[NODES], to[NODES][LINKS], root[ROOTS], node[WAITERS], waits[WAITERS]; // -1: none
    uint64_t random;
};
static struct node *volatile roots[ROOTS];                 // volatile: nobody reads them
static uintptr_t hidden_nodes[NODES], hidden_chans[NODES]; // complements

struct waiter_arg {
    struct node *node;
    rv_chan *ch;
};
static void wait_with(void *p)
{
    struct waiter_arg a = *(struct waiter_arg *)p;
    *(struct waiter_arg *)p = (struct waiter_arg){NULL, NULL};
    rv_chan_recv(a.ch, NULL);
    __asm__ volatile("" ::"r"(a.node) : "memory");
    rv_chan_send(a.node->ch, NULL); // so that node is kept
}
static struct node *disguised(struct node *n, uint64_t random)
{
    return n ? (struct node *)((char *)n + random % 41) : NULL;
}
static void build(void *p)
{
    struct graph *const g = p;
    for (int i = 0; i < NODES; i++) {
        hidden_nodes[i] = ~(uintptr_t)calloc(1, sizeof(struct node) + next_random(&g->random) % 200);
        hidden_chans[i] = ~(uintptr_t)event();
    }
#define NODE(i) ((i) < 0 ? NULL : (struct node *)~hidden_nodes[i])
#define CHAN(i) ((i) < 0 ? NULL : (rv_chan *)~hidden_chans[i])
    for (int i = 0; i < NODES; i++) {
        NODE(i)->ch = CHAN(g->ch[i]);
        for (int k = 0; k < LINKS; k++) NODE(i)->to[k] = disguised(NODE(g->to[i][k]), next_random(&g->random));
    }
    for (int i = 0; i < ROOTS; i++) roots[i] = disguised(NODE(g->root[i]), next_random(&g->random));
    for (int i = 0; i < WAITERS; i++) {
        struct waiter_arg *const a = malloc(sizeof *a);
        *a = (struct waiter_arg){NODE(g->node[i]), CHAN(g->waits[i])};
        rv_go(wait_with, a);
    }
}
static void reach_node(const struct graph *g, int i, bool *nodes, bool *chans)
{
    if (i < 0 || nodes[i]) return;
    nodes[i] = true;
    if (g->ch[i] >= 0) chans[g->ch[i]] = true;
    for (int k = 0; k < LINKS; k++) reach_node(g, g->to[i][k], nodes, chans);
}
static int model(const struct graph *g)
{
    bool nodes[NODES] = {0}, chans[NODES] = {0}, woken[WAITERS] = {0}, more = true;
    for (int i = 0; i < ROOTS; i++) reach_node(g, g->root[i], nodes, chans);
    while (more) {
        more = false;
        for (int i = 0; i < WAITERS; i++)
            if (!woken[i] && chans[g->waits[i]]) {
                woken[i] = more = true;
                reach_node(g, g->node[i], nodes, chans);
            }
    }
    int n = WAITERS;
    for (int i = 0; i < WAITERS; i++) n -= woken[i];
    return n;
}
static int one_of(struct graph *g, int n, int percent)
{
    return next_random(&g->random) % 100 < (uint64_t)percent ? (int)(next_random(&g->random) % (uint64_t)n) : -1;
}
static void random_graph(void *p)
{
    struct graph *const g = p;
    for (int i = 0; i < NODES; i++) {
        g->ch[i] = one_of(g, NODES, 60);
        for (int k = 0; k < LINKS; k++) g->to[i][k] = one_of(g, NODES, 35);
    }
    for (int i = 0; i < ROOTS; i++) g->root[i] = one_of(g, NODES, 70);
    for (int i = 0; i < WAITERS; i++) g->node[i] = one_of(g, NODES, 100), g->waits[i] = one_of(g, NODES, 100);
    const int wanted = model(g);
    make(build, g, WAITERS);
    const int n = leaks();
    if (n > wanted) expect("leaks in a random graph, at most", n, wanted); // fewer: words that look like pointers
    found_in_graphs += n;
}
static void random_graphs(void)
{
    const char *const seed = getenv("SEED"); // repeats a run
    struct graph g = {.random =
                          seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid()};
    printf("SEED=%lu\n", g.random);
    for (int i = 0; i < 20; i++) rv_run(random_graph, &g);
    expect("some of them are found", found_in_graphs > 0, 1);
}

int main(void)
{
    base_flags.maxprocs = 2;
    alarm(100);
    says_who_and_what_and_where();
    at_the_end();
    all_asleep();
    known_answers();
    a_plain_thread_holds_it();
    who_runs_holds_it();
    options_of_checks();
    random_graphs();
    printf("%d failures\n", failures);
    return failures != 0;
}
