// norace_select.c: a select orders what its chosen case does: both ways, ready at once or after a wait, closed too.
#include "gorace.h"

enum { N = 300, WORKERS = 3 };
static rv_chan *work, *results, *quit;
struct item {
    int in, out;
};
static void worker(void *arg)
{
    long *const mine = arg;
    struct item *item;
    for (;;) {
        rv_case c[] = {RV_RECV(quit, NULL), RV_RECV(work, &item)};
        if (rv_select(c, 2, 0) == 0) break;
        item->out = 2 * item->in;
        ++*mine;
        rv_case r[] = {RV_SEND(results, &item), RV_RECV(quit, NULL)};
        if (rv_select(r, 2, 0) == 1) abort();
    }
    rv_chan_send(results, &(struct item *){NULL}); // all that it did, *mine too
}
static void body(void *arg)
{
    (void)arg;
    for (size_t capacity = 0; capacity < 3; capacity++) {
        static long each[WORKERS];
        long sum = 0, done = 0;
        work = RV_CHAN(struct item *, capacity), results = RV_CHAN(struct item *, capacity), quit = rv_chan_make(0, 0);
        memset(each, 0, sizeof each);
        for (int i = 0; i < WORKERS; i++) rv_go(worker, &each[i]);
        struct item *next = calloc(1, sizeof *next), *got;
        for (int sent = 0, received = 0; received < N;) {
            rv_case c[] = {RV_SEND(sent < N ? work : NULL, &next), RV_RECV(results, &got), RV_TIMEOUT(60000000000)};
            const int i = rv_select(c, 3, 0);
            if (i == 2) abort();
            if (i == 0) {
                sent++;
                next = calloc(1, sizeof *next);
                next->in = sent;
            } else {
                received++;
                sum += got->out;
                free(got);
            }
        }
        free(next);
        rv_chan_close(quit);
        for (int i = 0; i < WORKERS; i++) {
            rv_chan_recv(results, &got);
            if (got) abort();
        }
        for (int i = 0; i < WORKERS; i++) done += each[i];
        if (done != N || sum != (long)N * (N - 1)) abort();
        rv_chan_free(work), rv_chan_free(results), rv_chan_free(quit);
    }
}
