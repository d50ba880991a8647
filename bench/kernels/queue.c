// queue.c: a producer and a consumer over a bounded queue of one mutex and two condition variables.
#include "kernel.h"

enum { SLOTS = 64 };

struct job {
    uint64_t value;
    char text[24];
};

static struct job slot[SLOTS];
static unsigned head, count; // guarded by lock
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;

static void put(const struct job *j)
{
    pthread_mutex_lock(&lock);
    while (count == SLOTS) pthread_cond_wait(&not_full, &lock);
    slot[(head + count++) % SLOTS] = *j;
    pthread_cond_signal(&not_empty);
    pthread_mutex_unlock(&lock);
}

static struct job take(void)
{
    pthread_mutex_lock(&lock);
    while (count == 0) pthread_cond_wait(&not_empty, &lock);
    const struct job j = slot[head];
    head = (head + 1) % SLOTS;
    count--;
    pthread_cond_signal(&not_full);
    pthread_mutex_unlock(&lock);
    return j;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; i < w->n; i++)
        if (w->id == 0) {
            struct job j = {.value = i};
            for (unsigned k = 0; k < sizeof j.text; k++) j.text[k] = (char)(i + k);
            put(&j);
        } else {
            const struct job j = take();
            w->sum = mix(w->sum + j.value + (unsigned char)j.text[i % sizeof j.text]);
        }
    return NULL;
}

int main(int argc, char **argv)
{
    run_workers(work, scaled(argc, argv, 300000));
    return 0;
}
