// Four sensors, each with a byte of status; a supervisor clears all four at once.
//
// The bug: the supervisor writes the four bytes as one word, while a sensor writes one of them. The two accesses
// meet in a single byte; the report says which.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static union {
    uint8_t sensor[4];
    uint32_t all;
} status;

static void *raise_alarm(void *arg)
{
    status.sensor[2] = 1; // race: A
    return arg;
}

static void *clear_all(void *arg)
{
    status.all = 0; // race: A
    return arg;
}

int main(void)
{
    pthread_t sensor, supervisor;
    pthread_create(&sensor, NULL, raise_alarm, NULL);
    pthread_create(&supervisor, NULL, clear_all, NULL);
    pthread_join(sensor, NULL);
    pthread_join(supervisor, NULL);
    printf("sensor 2 says %d\n", status.sensor[2]);
    return 0;
}
