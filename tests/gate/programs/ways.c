// One race, and many ways for a process to end: `ways WAY`. One thread comes first, by a barrier that the detector does not
// see, so that there is always the same to count.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void __tsan_testonly_barrier_init(unsigned long long *barrier, unsigned count);
void __tsan_testonly_barrier_wait(unsigned long long *barrier);
static unsigned long long turn;

int total; // not static: it must not be optimised away
static void *add(void *second)
{
    if (second) __tsan_testonly_barrier_wait(&turn);
    total++; // race
    if (!second) __tsan_testonly_barrier_wait(&turn);
    return NULL;
}
static void race(void)
{
    pthread_t a, b;
    __tsan_testonly_barrier_init(&turn, 2);
    pthread_create(&a, NULL, add, NULL);
    pthread_create(&b, NULL, add, &turn);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}
static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {}
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
static int in_child(void (*work)(void))
{
    const pid_t pid = fork();
    if (pid == 0) work();
    return wait_for(pid);
}
static void race_and_exit(void)
{
    race();
    _exit(0);
}
// Says that it is ready, and waits for a signal that ends it.
static void hang(void)
{
    puts("ready");
    fflush(stdout);
    for (;;) pause();
}
static void quietly(int signal)
{
    (void)signal;
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *const way = argc > 1 ? argv[1] : "clean";
    const int code = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(way, "clean") == 0) return code;
    if (strcmp(way, "race") == 0) return race(), code;
    if (strcmp(way, "exit") == 0) race(), exit(code);
    if (strcmp(way, "_exit") == 0) race(), _exit(code);
    if (strcmp(way, "crash") == 0) race(), abort();
    if (strcmp(way, "kill") == 0) race(), raise(SIGKILL);
    if (strcmp(way, "exec") == 0) return race(), execl(argv[0], argv[0], "clean", "7", NULL);
    if (strcmp(way, "exec-race") == 0) return execl(argv[0], argv[0], "race", NULL);
    if (strcmp(way, "fork") == 0) return in_child(race_and_exit);
    if (strcmp(way, "hang") == 0) race(), hang();
    if (strcmp(way, "hang-politely") == 0) signal(SIGTERM, quietly), race(), hang();
    fprintf(stderr, "%s: no such way\n", way);
    return 99;
}
