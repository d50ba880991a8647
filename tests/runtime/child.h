// child.h: runs a function in a child process and keeps what it wrote to stderr. Its exit code, or minus the signal that ended it.
#ifndef TESTS_RUNTIME_CHILD_H
#define TESTS_RUNTIME_CHILD_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char child_said[1 << 20];

// Faults have their default actions in it; Criterion has handlers of its own.
static int child_run(void (*fn)(void))
{
    int fd[2];
    size_t n = 0;
    cr_assert_eq(pipe(fd), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        dup2(fd[1], 2);
        close(fd[0]);
        close(fd[1]);
        alarm(60);
        fn();
        _exit(0);
    }
    close(fd[1]);
    for (ssize_t k; (k = read(fd[0], child_said + n, sizeof child_said - 1 - n)) > 0;) n += (size_t)k;
    child_said[n] = 0;
    close(fd[0]);
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
