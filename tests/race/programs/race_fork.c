// The child of a single thread is checked like any process, and its findings are its own.
// exit: 0
#define NO_MAIN
#include "../race.h"
#include <sys/wait.h>

int data;
static void *run(void *arg)
{
    data = 1; // race: data
    step();
    return arg;
}
int main(void)
{
    const pid_t pid = fork();
    if (pid != 0) {
        int status;
        EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 66);
        return 0;
    }
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, run, NULL);
    step();
    data = 2; // race: data
    pthread_join(t, NULL);
    return 0;
}
