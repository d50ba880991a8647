// say.c: what every subcommand needs: the line that ends a bad command, colour, memory, and where we are installed.
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_colour(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && term && strcmp(term, "dumb") != 0 && isatty(fileno(f));
}

void cli_die(const char *as, const char *fmt, ...)
{
    const bool colour = cli_colour(stderr);
    fprintf(stderr, "%sravel%s%s:%s ", colour ? "\033[1;31m" : "", *as ? " " : "", as, colour ? "\033[0m" : "");
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(CLI_BAD_INPUT);
}

void *cli_alloc(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p) cli_die("", "out of memory");
    return p;
}

char *cli_printf(const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) cli_die("", "out of memory");
    va_end(ap);
    return text;
}

char *cli_lib_path(const char *as, const char *name)
{
    char self[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) cli_die(as, "cannot find where ravel is installed: /proc/self/exe: %s", strerror(errno));
    self[n] = '\0';
    for (int up = 0; up < 2; up++) { // the file's name, then its directory
        char *const slash = strrchr(self, '/');
        if (slash) *slash = '\0';
    }
    char *const path = cli_printf("%s/lib/ravel/%s", self, name);
    if (access(path, R_OK) != 0)
        cli_die(as, "%s: %s; ravel is installed only in part, install it again", path, strerror(errno));
    return path;
}
