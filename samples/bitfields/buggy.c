// A door with two bits of state, each looked after by its own thread.
//
// The bug: neighbouring bit-fields share one memory location. Writing one of them reads and rewrites the whole byte,
// so that either thread can undo what the other just wrote.
#include <pthread.h>
#include <stdio.h>

static struct {
    unsigned locked : 1;
    unsigned alarm : 1;
} door;

static void *lock_door(void *arg)
{
    door.locked = 1; // race: A
    return arg;
}

static void *arm_alarm(void *arg)
{
    door.alarm = 1; // race: A
    return arg;
}

int main(void)
{
    pthread_t porter, guard;
    pthread_create(&porter, NULL, lock_door, NULL);
    pthread_create(&guard, NULL, arm_alarm, NULL);
    pthread_join(porter, NULL);
    pthread_join(guard, NULL);
    printf("locked %d, alarm %d\n", door.locked, door.alarm);
    return 0;
}
