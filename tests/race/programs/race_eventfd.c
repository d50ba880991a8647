// Another eventfd orders nothing.
#define TOGETHER
#include "../race.h"
#include <sys/eventfd.h>

int data;
static int event, other;
static __attribute__((constructor)) void make(void)
{
    event = eventfd(0, 0);
    other = eventfd(1, 0);
}
static void first(void)
{
    data = 1; // race: data
    eventfd_write(event, 1);
    step();
}
static void second(void)
{
    eventfd_t v;
    step();
    EXPECT(eventfd_read(other, &v) == 0);
    data = 2; // race: data
}
