// A job description that a function hands to a thread before it returns.
//
// The mend: the job lies on the heap, and the thread that it is handed to owns and frees it.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    char title[256];
    int copies;
    char notes[256];
};

static void *print_job(void *arg)
{
    struct job *const job = arg;
    const int copies = job->copies;
    free(job);
    return (void *)(intptr_t)copies;
}

static __attribute__((noinline)) pthread_t start_job(void)
{
    struct job *const job = malloc(sizeof *job);
    if (job == NULL) abort();
    *job = (struct job){.title = "thesis", .copies = 2};
    pthread_t printer;
    pthread_create(&printer, NULL, print_job, job);
    return printer;
}

static __attribute__((noinline)) void draw_banner(void)
{
    char banner[2048] = "";
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
