// An eventfd orders, and epoll_ctl is ordered before the epoll_wait that tells of it.
#define TOGETHER
#include "../race.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

int data, more, *shared;
static int epoll, event;
static __attribute__((constructor)) void make(void)
{
    epoll = epoll_create1(0);
    event = eventfd(0, 0);
    EXPECT(epoll >= 0 && event >= 0);
}
static void first(void)
{
    shared = malloc(sizeof *shared);
    *shared = 1;
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = shared};
    EXPECT(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) == 0);
    step();
    data = 1;
    uint64_t one = 1;
    EXPECT(write(event, &one, sizeof one) == sizeof one);
    step();
    more = 1;
    EXPECT(eventfd_write(event, 1) == 0);
}
static void second(void)
{
    struct epoll_event e;
    EXPECT(epoll_wait(epoll, &e, 1, -1) == 1);
    EXPECT(*(int *)e.data.ptr == 1);
    step();
    uint64_t value;
    EXPECT(read(event, &value, sizeof value) == sizeof value);
    data = 2;
    step();
    eventfd_t v;
    EXPECT(eventfd_read(event, &v) == 0);
    more = 2;
    free(shared);
}
