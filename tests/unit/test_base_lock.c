// test_base_lock.c: the lock excludes, wakes everyone it owes a wake-up, and is as its comment draws it.
#include <criterion/criterion.h>
#include <pthread.h>

#include "base/lock.h"

enum { THREADS = 4, ROUNDS = 20000 };
static struct base_lock guard;
static uint64_t counter; // guarded by guard
static uint32_t inside;  // guarded by guard: how many think that they hold it

static void *count(void *arg)
{
    const int hold = *(const int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        base_lock(&guard);
        if (inside++) return arg;
        for (int k = 0; k < hold; k++) base_pause();
        if (hold && i % 512 == 0) sys_yield(); // let the others go to sleep on it
        counter++;
        inside--;
        base_unlock(&guard);
    }
    return NULL;
}
static void stress(int hold)
{
    pthread_t t[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&t[i], NULL, count, &hold), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(t[i], &failed);
        cr_expect_null(failed, "two inside at once");
    }
    cr_expect_eq(counter, (uint64_t)THREADS * ROUNDS);
    cr_expect_eq(guard.word, 0u, "unlocked, and nobody is owed anything");
}
Test(lock, short_sections) { stress(0); }
Test(lock, long_sections) { stress(200); }

Test(lock, states)
{
    struct base_lock l = {0};
    cr_expect(base_trylock(&l));
    cr_expect_eq(l.word, 1u);
    cr_expect_not(base_trylock(&l));
    base_unlock(&l);
    cr_expect_eq(l.word, 0u);
    base_lock(&l);
    cr_expect_eq(l.word, 1u);
    base_unlock(&l);
}

// Two threads hand a word to and fro by futex alone.
static uint32_t turn;
static void *other_player(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        while (base_load_acquire(&turn) != 1) sys_futex_wait(&turn, 0); // acquire: pairs with the release below
        base_store_release(&turn, 0u);                                  // release: the turn is the first one's
        sys_futex_wake(&turn, 1);
    }
    return arg;
}
Test(lock, futex)
{
    pthread_t t;
    cr_assert_eq(pthread_create(&t, NULL, other_player, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        base_store_release(&turn, 1u); // release: the turn is the other one's
        sys_futex_wake(&turn, 1);
        while (base_load_acquire(&turn) != 0) sys_futex_wait(&turn, 1); // acquire: pairs with the other one's release
    }
    pthread_join(t, NULL);
}
