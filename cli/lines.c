// lines.c: reads a file line by line into one buffer, which grows with the longest line up to CLI_LINE_MAX.
//
// Not getline: a file that is one line of 10 GiB, or a disk full of NUL bytes where a machine lost power, is bad input,
// and bad input may not fill the memory.
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_CAPACITY = 256 << 10 };

void cli_lines_open(struct cli_lines *l, const char *as, const char *path)
{
    struct stat st;
    *l = (struct cli_lines){.as = as, .path = path, .capacity = FIRST_CAPACITY};
    // O_NONBLOCK: to open a fifo that nobody writes to must not hang; it is refused below.
    l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (l->fd < 0 || fstat(l->fd, &st) < 0) cli_die(as, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) cli_die(as, "%s: not a regular file; logs are read twice, so save it as one first", path);
    l->buffer = cli_alloc(l->capacity);
}
void cli_lines_close(struct cli_lines *l)
{
    close(l->fd);
    free(l->buffer);
    l->buffer = NULL;
}

static void grow(struct cli_lines *l)
{
    l->capacity *= 2;
    l->buffer = realloc(l->buffer, l->capacity);
    if (!l->buffer) cli_die(l->as, "%s: out of memory", l->path);
}
// Reads more behind what is there.
static void fill(struct cli_lines *l)
{
    if (l->begin > 0) {
        memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->begin = 0;
    }
    if (l->end == l->capacity) grow(l);
    ssize_t n;
    do n = read(l->fd, l->buffer + l->end, l->capacity - l->end);
    while (n < 0 && errno == EINTR);
    if (n < 0) cli_die(l->as, "%s: %s", l->path, strerror(errno));
    if (n == 0) l->eof = true;
    l->end += (size_t)n;
    l->next += (uint64_t)n;
}
// Passes over a line that is too long, of which no newline was read yet.
static void pass_over(struct cli_lines *l)
{
    char *newline;
    do {
        l->begin = l->end;
        fill(l);
        newline = memchr(l->buffer + l->begin, '\n', l->end - l->begin);
    } while (!newline && !l->eof);
    l->newline = newline;
    l->begin = newline ? (size_t)(newline + 1 - l->buffer) : l->end;
    l->text = l->buffer;
    l->length = 0;
}

bool cli_lines_next(struct cli_lines *l)
{
    size_t searched = 0;
    char *newline;
    while (!(newline = memchr(l->buffer + l->begin + searched, '\n', l->end - l->begin - searched)) && !l->eof &&
           l->end - l->begin < CLI_LINE_MAX) {
        searched = l->end - l->begin;
        fill(l);
    }
    l->at = l->next - (l->end - l->begin);
    l->cut = !newline && !l->eof;
    if (l->cut) return pass_over(l), true;
    l->text = l->buffer + l->begin;
    l->length = newline ? (size_t)(newline - l->text) : l->end - l->begin;
    l->newline = newline;
    l->begin += l->length + (newline ? 1 : 0);
    return newline || l->length > 0;
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

void cli_files(const char *as, const char *path, void (*each)(void *context, const char *path), void *context)
{
    char *const paths[] = {(char *)path, NULL};
    FTS *const tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!tree) cli_die(as, "%s: %s", path, strerror(errno));
    for (FTSENT *e; (e = fts_read(tree));) switch (e->fts_info) {
        case FTS_D:
        case FTS_DP:
        case FTS_DC: break; // DC: a symbolic link to a directory that we are in
        case FTS_NS:
        case FTS_ERR:
        case FTS_DNR: cli_die(as, "%s: %s", e->fts_path, strerror(e->fts_errno));
        case FTS_SLNONE: cli_die(as, "%s: a symbolic link to nothing", e->fts_path);
        default: each(context, e->fts_path);
        }
    fts_close(tree);
}
