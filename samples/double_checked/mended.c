// A logger that is made when it is first needed, with the check before the lock for speed.
//
// The mend: the pointer is atomic. The load before the lock acquires what the store under the lock released.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "../order.h"

struct logger {
    int level;
};

static struct logger *_Atomic instance;
static pthread_mutex_t instance_lock = PTHREAD_MUTEX_INITIALIZER;

static struct logger *make_logger(void)
{
    struct logger *const l = malloc(sizeof *l);
    if (l == NULL) abort();
    l->level = 3;
    return l;
}

static struct logger *get_logger(void)
{
    struct logger *l = atomic_load_explicit(&instance, memory_order_acquire);
    if (l == NULL) {
        pthread_mutex_lock(&instance_lock);
        l = atomic_load_explicit(&instance, memory_order_relaxed); // the mutex orders it
        if (l == NULL) {
            l = make_logger();
            atomic_store_explicit(&instance, l, memory_order_release);
        }
        pthread_mutex_unlock(&instance_lock);
    }
    return l;
}

static void *first_user(void *level)
{
    *(int *)level = get_logger()->level;
    order_point();
    return NULL;
}

static void *second_user(void *level)
{
    order_point();
    *(int *)level = get_logger()->level;
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    int level[2];
    order_init(2);
    pthread_create(&a, NULL, first_user, &level[0]);
    pthread_create(&b, NULL, second_user, &level[1]);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    printf("levels %d and %d\n", level[0], level[1]);
    free(atomic_load(&instance));
    return 0;
}
