// replace.c: files that are there in full or not at all.
#include "cli/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *cli_slurp(const char *path, size_t *length)
{
    FILE *const f = fopen(path, "re");
    if (!f) return NULL;
    size_t room = 1 << 16, n = 0;
    char *text = cli_alloc(room);
    for (size_t got; (got = fread(text + n, 1, room - n - 1, f)) > 0;) {
        n += got;
        if (n < room - 1) continue;
        room *= 2;
        text = realloc(text, room);
        if (!text) cli_die("", "out of memory");
    }
    const int error = ferror(f) ? errno : 0;
    fclose(f);
    if (error) {
        free(text);
        errno = error;
        return NULL;
    }
    text[n] = '\0';
    if (length) *length = n;
    return text;
}

// The mode that the file has, or that a new one gets.
static mode_t mode_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) return st.st_mode & 07777;
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}
bool cli_replace_begin(struct cli_replacement *r, const char *path)
{
    char resolved[PATH_MAX];
    r->path = cli_printf("%s", realpath(path, resolved) ? resolved : path);
    r->temporary = cli_printf("%s.XXXXXX", r->path);
    const int fd = mkostemp(r->temporary, O_CLOEXEC);
    r->out = fd < 0 ? NULL : fdopen(fd, "w");
    if (r->out) return true;
    const int error = errno;
    free(r->path), free(r->temporary);
    errno = error;
    return false;
}
bool cli_replace_end(struct cli_replacement *r)
{
    const int fd = fileno(r->out);
    bool good = !ferror(r->out) && fflush(r->out) == 0 && fchmod(fd, mode_of(r->path)) == 0 && fsync(fd) == 0;
    int error = errno;
    if (fclose(r->out) != 0 && good) good = false, error = errno;
    if (good && rename(r->temporary, r->path) != 0) good = false, error = errno;
    if (!good) unlink(r->temporary);
    free(r->path), free(r->temporary);
    errno = error;
    return good;
}
bool cli_replace_file(const char *path, const char *text, size_t length)
{
    struct cli_replacement r;
    if (!cli_replace_begin(&r, path)) return false;
    fwrite(text, 1, length, r.out);
    return cli_replace_end(&r);
}
