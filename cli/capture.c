// capture.c: what another program prints. Into temporary files, so that no pipe can be full.
#include "cli/capture.h"

#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *all_of(FILE *f, size_t *length)
{
    fseek(f, 0, SEEK_END);
    const long n = ftell(f);
    rewind(f);
    char *const text = cli_alloc((size_t)(n > 0 ? n : 0) + 1);
    *length = fread(text, 1, (size_t)(n > 0 ? n : 0), f);
    text[*length] = '\0';
    return text;
}
char *cli_capture(const char *const *arguments, size_t *length, char **said)
{
    FILE *const out = tmpfile(), *const err = tmpfile();
    if (!out || !err) cli_die("", "no room for a temporary file: %s", strerror(errno));
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        execvp(arguments[0], (char *const *)arguments);
        dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], strerror(errno));
        _exit(127);
    }
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    char *text = all_of(status == 0 ? out : err, length);
    fclose(out), fclose(err);
    if (status == 0) return text;
    text[strcspn(text, "\n")] = '\0';
    if (*text) {
        *said = text;
    } else {
        free(text);
        *said = cli_printf("%s failed", arguments[0]);
    }
    return NULL;
}
