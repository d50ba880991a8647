// A job description on the stack of a function that starts a thread and returns.
//
// The bug: when start_job() returns, its frame is gone, and the next function's variables lie where the job was,
// while the thread still reads it.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct job {
    char title[256];
    int copies;
    char notes[256];
};

static void *print_job(void *arg)
{
    const struct job *const job = arg;
    return (void *)(intptr_t)job->copies; // race: A
}

static __attribute__((noinline)) pthread_t start_job(void)
{
    struct job job = {.title = "thesis", .copies = 2};
    pthread_t printer;
    pthread_create(&printer, NULL, print_job, &job);
    return printer;
}

static __attribute__((noinline)) void draw_banner(void)
{
    char banner[2048] = ""; // race: A
    strcpy(banner, "===== printing =====");
    puts(banner);
}

int main(void)
{
    const pthread_t printer = start_job();
    draw_banner();
    void *copies;
    pthread_join(printer, &copies);
    printf("%d copies\n", (int)(intptr_t)copies);
    return 0;
}
