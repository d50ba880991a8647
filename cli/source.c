// source.c: lines of source files. The last few files are kept, since findings, sorted by place, ask for the same ones.
#include "cli/source.h"

#include "cli/json.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT = 8, LARGEST = 8 << 20 };

struct file {
    char *path; // as the log has it; NULL: the entry is free
    char *text; // NULL: cannot be shown
    size_t size;
    uint64_t used; // when
};
static struct file kept[KEPT];
static uint64_t now;

static void forget(struct file *f)
{
    free(f->path), free(f->text);
    *f = (struct file){0};
}
void cli_source_forget(void)
{
    for (int i = 0; i < KEPT; i++) forget(&kept[i]);
}

static bool is_below(const char *root, const char *real)
{
    const size_t n = strlen(root);
    return strcmp(root, "/") == 0 || (strncmp(real, root, n) == 0 && real[n] == '/');
}
static void load(struct file *f, const char *path, const char *root)
{
    struct stat st;
    char *const real = realpath(path, NULL); // behind symbolic links, too
    const int fd = real && is_below(root, real) ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    free(real);
    if (fd < 0) return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LARGEST) {
        f->text = cli_alloc((size_t)st.st_size);
        const ssize_t n = read(fd, f->text, (size_t)st.st_size);
        f->size = n > 0 ? (size_t)n : 0;
        cli_utf8_repair(f->text, f->size);
    }
    close(fd);
}
static struct file *file_of(const struct cli_report_options *o, const char *path)
{
    struct file *oldest = &kept[0];
    for (int i = 0; i < KEPT; i++) {
        if (kept[i].path && strcmp(kept[i].path, path) == 0) return &kept[i];
        if (kept[i].used < oldest->used) oldest = &kept[i];
    }
    forget(oldest);
    oldest->path = cli_printf("%s", path);
    const char *const here = cli_path_here(o, path);
    load(oldest, *here == '/' ? here : cli_scratch("%s/%s", o->source_root, here), o->source_root);
    return oldest;
}

size_t cli_source(const struct cli_report_options *o, const char *path, int64_t first, int64_t last,
                  struct cli_source_line lines[CLI_SOURCE_LINES])
{
    if (first < 1 || last < first || last - first + 2 * CLI_SOURCE_AROUND >= CLI_SOURCE_LINES) return 0;
    struct file *const f = file_of(o, path);
    f->used = ++now;
    size_t n = 0;
    int64_t number = 0;
    for (const char *p = f->text, *const end = p ? p + f->size : NULL; p && p < end;) {
        const char *const newline = memchr(p, '\n', (size_t)(end - p)), *const stop = newline ? newline : end;
        if (++number > last + CLI_SOURCE_AROUND) break;
        if (number >= first - CLI_SOURCE_AROUND) lines[n++] = (struct cli_source_line){number, p, (size_t)(stop - p)};
        p = newline ? newline + 1 : end;
    }
    // A file that is shorter than the line is not the one that was compiled.
    return n && lines[n - 1].number >= last ? n : 0;
}
