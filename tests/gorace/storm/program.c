// program.c: 256 races, each at a place of its own, while a signal of preemption comes to every thread each 50 us. storm.py reads
// what is reported. Half of the racers call the functions left_..., the others right_...; nothing orders them. Others beside them keep the
// detector at its work: epochs that make it sweep, and events that come out of the runtime's sections.
#include <pthread.h>
#include <ravel.h>
#include <stdlib.h>

void signals_begin(void), signals_end(void); // signals.c

#define EACH_OF_16(X, h)                                                                                               \
    X(h##0)                                                                                                            \
    X(h##1)                                                                                                            \
    X(h##2) X(h##3) X(h##4) X(h##5) X(h##6) X(h##7) X(h##8) X(h##9) X(h##a) X(h##b) X(h##c) X(h##d) X(h##e) X(h##f)
#define EACH(X)                                                                                                        \
    EACH_OF_16(X, 0)                                                                                                   \
    EACH_OF_16(X, 1)                                                                                                   \
    EACH_OF_16(X, 2)                                                                                                   \
    EACH_OF_16(X, 3)                                                                                                   \
    EACH_OF_16(X, 4)                                                                                                   \
    EACH_OF_16(X, 5)                                                                                                   \
    EACH_OF_16(X, 6)                                                                                                   \
    EACH_OF_16(X, 7)                                                                                                   \
    EACH_OF_16(X, 8)                                                                                                   \
    EACH_OF_16(X, 9) EACH_OF_16(X, a) EACH_OF_16(X, b) EACH_OF_16(X, c) EACH_OF_16(X, d) EACH_OF_16(X, e)              \
        EACH_OF_16(X, f)

#define PLACE(n)                                                                                                       \
    long data_##n;                                                                                                     \
    __attribute__((noinline)) void left_##n(void) { data_##n = 1; }                                                    \
    __attribute__((noinline)) void right_##n(void) { data_##n = 2; }
EACH(PLACE)
#define LEFT(n)  left_##n,
#define RIGHT(n) right_##n,
enum { PLACES = 256, PAIRS = 4, WORKERS = 4, ROUNDS = 10000 };
static void (*const sides[2][PLACES])(void) = {{EACH(LEFT)}, {EACH(RIGHT)}};

static rv_waitgroup wg;
static rv_chan *ch[2 * PAIRS]; // one each: shared, they would order
static void racer(void *arg)
{
    const int me = (int)(intptr_t)arg;
    for (int i = me / 2; i < PLACES; i += PAIRS) {
        int v = i;
        rv_chan_send(ch[me], &v);
        sides[me % 2][i]();
        void *volatile block = malloc((size_t)i);
        free(block);
        rv_chan_recv(ch[me], &v);
        if (v != i) abort();
        rv_gosched();
    }
    rv_wg_done(&wg);
}
static void worker(void *arg)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    rv_chan *const own = rv_chan_make(sizeof(int), 1);
    int count = 0, v = 0;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&m);
        count++;
        pthread_mutex_unlock(&m);
        rv_chan_send(own, &count);
        rv_chan_recv(own, &v);
        if (v != i + 1) abort();
    }
    rv_chan_free(own);
    rv_wg_done(arg);
}
static void body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2 * PAIRS; i++) ch[i] = rv_chan_make(sizeof(int), 1);
    rv_wg_add(&wg, 2 * PAIRS + WORKERS);
    signals_begin();
    for (int i = 0; i < WORKERS; i++) rv_go(worker, &wg);
    for (intptr_t i = 0; i < 2 * PAIRS; i++) rv_go(racer, (void *)i);
    rv_wg_wait(&wg);
    signals_end();
    for (int i = 0; i < 2 * PAIRS; i++) rv_chan_free(ch[i]);
}
int main(void) { return rv_run(body, NULL); }
