// The child of a fork goes on, alone or not, and ends with its own exit code.
#define NO_MAIN
#include "../race.h"
#include <sys/wait.h>

int data;
static void *wait_for_end(void *arg)
{
    step();
    return arg;
}
int child(int code)
{
    const pid_t pid = fork();
    EXPECT(pid >= 0);
    if (pid == 0) {
        free(malloc(100));
        data++;
        _exit(code);
    }
    int status;
    EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}
int main(void)
{
    steps(2);
    EXPECT(child(5) == 5);
    pthread_t t;
    pthread_create(&t, NULL, wait_for_end, NULL);
    data++;
    EXPECT(child(6) == 6);
    step();
    pthread_join(t, NULL);
    return 0;
}
