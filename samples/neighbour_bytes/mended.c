// Four sensors, each with a byte of status; a supervisor clears those that are its own.
//
// The mend: bytes are separate memory locations, so two threads may write neighbours. The supervisor clears only
// bytes that no running sensor writes, one by one.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static union {
    uint8_t sensor[4];
    uint32_t all;
} status;

static void *raise_alarm(void *arg)
{
    status.sensor[2] = 1;
    return arg;
}

static void *clear_idle(void *arg)
{
    status.sensor[0] = 0;
    status.sensor[1] = 0;
    status.sensor[3] = 0;
    return arg;
}

int main(void)
{
    pthread_t sensor, supervisor;
    pthread_create(&sensor, NULL, raise_alarm, NULL);
    pthread_create(&supervisor, NULL, clear_idle, NULL);
    pthread_join(sensor, NULL);
    pthread_join(supervisor, NULL);
    printf("sensor 2 says %d\n", status.sensor[2]);
    return 0;
}
