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

static bool write_all(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        const ssize_t n = write(fd, text + done, length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
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
bool cli_replace_file(const char *path, const char *text, size_t length)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved)) path = resolved;
    char *const temporary = cli_printf("%s.XXXXXX", path);
    const int fd = mkostemp(temporary, O_CLOEXEC);
    bool good = fd >= 0;
    if (good) good = write_all(fd, text, length) && fchmod(fd, mode_of(path)) == 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && good) good = false, error = errno;
    if (good && rename(temporary, path) != 0) good = false, error = errno;
    if (!good && fd >= 0) unlink(temporary);
    free(temporary);
    errno = error;
    return good;
}
