// cc_compiler.c: which compiler to become, and whether it is gcc or clang.
#include "cli/cc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void cc_push(struct cc_list *l, const char *s)
{
    if (l->n + 1 >= l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->v = realloc(l->v, l->cap * sizeof *l->v);
        if (!l->v) cli_die("", "out of memory");
    }
    l->v[l->n++] = (char *)s;
    l->v[l->n] = NULL;
}

static struct cc_list split(const char *words)
{
    struct cc_list l = {0};
    char *rest = cli_printf("%s", words);
    for (char *w; (w = strsep(&rest, " \t\n"));)
        if (*w) cc_push(&l, w);
    return l;
}

static bool is_program(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0;
}
// As execvp would find it: NULL if it would not.
static char *find_program(const char *name)
{
    if (strchr(name, '/')) return is_program(name) ? cli_printf("%s", name) : NULL;
    const char *const path = getenv("PATH");
    char *rest = cli_printf("%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
    for (char *dir; (dir = strsep(&rest, ":"));) {
        char *const file = cli_printf("%s/%s", *dir ? dir : ".", name);
        if (is_program(file)) return file;
    }
    return NULL;
}

// The macros that the compiler predefines, as far as they fit. For wrappers whose name says nothing: some 10 ms.
static void ask(const struct cc_compiler *c, char *text, size_t cap)
{
    static const char *const question[] = {"-dM", "-E", "-x", "c", "/dev/null"};
    struct cc_list l = {0};
    for (size_t i = 0; i < c->words.n; i++) cc_push(&l, c->words.v[i]);
    for (size_t i = 0; i < sizeof question / sizeof *question; i++) cc_push(&l, question[i]);
    size_t n = 0;
    int fd[2];
    if (pipe(fd) != 0) return;
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        execv(c->path, l.v);
        _exit(127);
    }
    close(fd[1]);
    for (ssize_t k; n < cap - 1 && (k = read(fd[0], text + n, cap - 1 - n)) > 0;) n += (size_t)k;
    text[n] = '\0';
    close(fd[0]);
    if (pid > 0) waitpid(pid, NULL, 0);
}

// The name behind all symbolic links tells (cc -> gcc-12, ccache's gcc -> ccache); else the compiler does.
static enum cc_kind kind_of(const char *as, const struct cc_compiler *c)
{
    char real[PATH_MAX], macros[1 << 16] = "";
    if (!realpath(c->path, real)) cli_die(as, "%s: %s", c->path, strerror(errno));
    const char *const name = strrchr(real, '/') + 1;
    if (strstr(name, "clang")) return CC_CLANG;
    if (strstr(name, "gcc") || strstr(name, "g++")) return CC_GCC;
    ask(c, macros, sizeof macros);
    if (strstr(macros, "#define __clang__ ")) return CC_CLANG;
    if (strstr(macros, "#define __GNUC__ ")) return CC_GCC;
    cli_die(as, "%s is neither gcc nor clang; name one with --ravel-cc= or RAVEL_CC", c->words.v[0]);
}

struct cc_compiler cc_compiler_find(const char *as, const char *option, const char *variable, const char *common)
{
    const char *const env = getenv(variable), *source = "the default";
    const char *words = common;
    if (option) {
        words = option, source = "--ravel-cc=";
    } else if (env && *env) {
        words = env, source = variable;
    }
    struct cc_compiler c = {0};
    const struct cc_list all = split(words);
    for (size_t i = 0; i < all.n; i++) cc_push(c.options.n || all.v[i][0] == '-' ? &c.options : &c.words, all.v[i]);
    if (!c.words.n) cli_die(as, "%s names no compiler", source);
    c.path = find_program(c.words.v[0]);
    if (!c.path) cli_die(as, "compiler %s (from %s) not found; install it or set %s", c.words.v[0], source, variable);
    c.kind = kind_of(as, &c);
    return c;
}
