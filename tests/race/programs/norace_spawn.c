// Other ways to other processes, with threads around.
#define NO_MAIN
#include "../race.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static void *wait_for_end(void *arg)
{
    step();
    return arg;
}
static void ends_well(pid_t pid)
{
    int status;
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}
int main(void)
{
    steps(2);
    pthread_t t;
    pthread_create(&t, NULL, wait_for_end, NULL);
    EXPECT(system("true") == 0);
    FILE *pipe = popen("echo hello", "r");
    char line[16];
    EXPECT(pipe && fgets(line, sizeof line, pipe) && strcmp(line, "hello\n") == 0 && pclose(pipe) == 0);
    pid_t pid;
    char name[] = "true", *argv[] = {name, NULL};
    EXPECT(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
    ends_well(pid);
    pid = vfork();
    if (pid == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    ends_well(pid);
    pid = fork();
    if (pid == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    ends_well(pid);
    step();
    pthread_join(t, NULL);
    return 0;
}
