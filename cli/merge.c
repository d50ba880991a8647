// merge.c: `ravel merge`: joins the logs of many machines into one.
//
// What one process wrote is a stream of lines. The logs are read twice. First every stream is hashed, line by line; then
// every line is copied whose stream is the first with its hash. So a log that was given twice, or fetched twice under
// two names, counts once, and memory goes with the number of processes only.
//
// Pids of two machines may be the same. In the output, as in a log, a stream ends where the next `process` line of
// its pid stands, so streams stay in the order of the files. Damaged lines belong to no stream and are copied as they are:
// the reader counts them.
#include "cli/findings.h"
#include "cli/json.h"
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The lines so far, as two polynomials of different bases: a hash that nobody attacks, for 2^32 streams enough.
struct sum {
    uint64_t a, b;
};
struct seen { // a hash that a stream has
    UT_hash_handle hh;
    struct sum sum;
};
struct open_stream { // of the file being read: what a pid's lines belong to
    UT_hash_handle hh;
    int64_t pid;
    size_t index;
};
struct log {
    char *path;
    size_t first; // stream of it
};
struct merge {
    const char *as;
    FILE *out;
    struct log *logs;
    size_t nlogs;
    bool is_output_there; // already, from the last time: it is not an input
    dev_t device;
    ino_t inode;
    struct open_stream *open;
    struct sum *sums; // of the streams, in order
    bool *drop;
    size_t n, capacity;
    size_t next;  // second reading: of the stream that begins next
    bool copying; // the second reading
    uint64_t lines, dropped;
};

static void add_word(struct sum *s, uint64_t w)
{
    s->a = (s->a ^ w) * 0x100000001b3u;
    s->a ^= s->a >> 32;
    s->b = (s->b + w) * 0x9e3779b97f4a7c15u;
    s->b ^= s->b >> 29;
}
static void add_line(struct sum *s, const char *text, size_t length)
{
    uint64_t w;
    size_t i = 0;
    for (; i + sizeof w <= length; i += sizeof w) {
        memcpy(&w, text + i, sizeof w);
        add_word(s, w);
    }
    w = 0;
    memcpy(&w, text + i, length - i);
    add_word(s, w);
    add_word(s, length);
}

static size_t begin_stream(struct merge *m)
{
    if (m->copying) return m->next < m->n ? m->next++ : m->n; // n: a log grew; read_log will say so
    if (m->n == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 1024;
        m->sums = realloc(m->sums, m->capacity * sizeof *m->sums);
        if (!m->sums) cli_die(m->as, "out of memory");
    }
    m->sums[m->n] = (struct sum){0xcbf29ce484222325u, 1};
    return m->n++;
}
// The stream of a line; a line without a `process` line before it begins one, too.
static size_t stream_of(struct merge *m, int64_t pid, bool begins)
{
    struct open_stream *s;
    HASH_FIND(hh, m->open, &pid, sizeof pid, s);
    if (s && begins) s->index = begin_stream(m);
    if (s) return s->index;
    s = cli_alloc(sizeof *s);
    s->pid = pid;
    s->index = begin_stream(m);
    HASH_ADD(hh, m->open, pid, sizeof s->pid, s);
    return s->index;
}
static void copy_line(struct merge *m, const struct cli_lines *l, bool whole)
{
    m->lines++;
    if (l->cut) fputs("(a line beyond all bounds)", m->out); // damage stays damage
    fwrite(l->text, 1, l->length, m->out);
    if (!l->newline && !whole) fputs("(cut)", m->out);
    fputc('\n', m->out); // also where there was none, or the next file would continue the line
}
// Whose line it is. The program's own have the pid near their beginning, and need not be parsed for it.
static bool whose(struct cli_lines *l, int64_t *pid, bool *begins)
{
    static const char start[] = "{\"type\":\"", process[] = "{\"type\":\"process\"", key[] = "\"pid\":";
    enum { FARTHEST = 200 };
    const size_t n = l->length < FARTHEST ? l->length : FARTHEST;
    const char *p =
        l->newline && n > sizeof process && memcmp(l->text, start, strlen(start)) == 0 && l->text[l->length - 1] == '}'
            ? memmem(l->text, n, key, strlen(key))
            : NULL;
    *pid = 0;
    *begins = p && memcmp(l->text, process, strlen(process)) == 0;
    if (p && (size_t)(p - l->text) + 30 < l->length) {
        for (p += strlen(key); *p >= '0' && *p <= '9' && *pid < INT64_MAX / 100; p++) *pid = *pid * 10 + (*p - '0');
        if (*p == ',' && p[-1] != ':') return true;
    }
    size_t used;
    json_object *const o = cli_json_parse(l->text, l->length, &used);
    const char *const type = cli_json_text(o, "type");
    *pid = cli_json_int(o, "pid", -1);
    *begins = type && strcmp(type, "process") == 0;
    json_object_put(o);
    return o;
}
static void line(struct merge *m, struct cli_lines *l)
{
    int64_t pid;
    bool begins;
    if (l->length == 0 && !l->cut) return;
    if (!whose(l, &pid, &begins)) {
        if (m->copying) copy_line(m, l, false);
        return;
    }
    const size_t stream = stream_of(m, pid, begins);
    if (!m->copying)
        add_line(&m->sums[stream], l->text, l->length);
    else if (!m->drop[stream])
        copy_line(m, l, true);
}
static void read_log(struct merge *m, const char *path)
{
    struct cli_lines l;
    cli_lines_open(&l, m->as, path);
    while (cli_lines_next(&l)) line(m, &l);
    cli_lines_close(&l);
    struct open_stream *s, *next;
    HASH_ITER(hh, m->open, s, next)
    {
        HASH_DEL(m->open, s);
        free(s);
    }
}
static void hash_logs(struct merge *m)
{
    for (size_t i = 0; i < m->nlogs; i++) {
        m->logs[i].first = m->n;
        read_log(m, m->logs[i].path);
    }
}
static void copy_logs(struct merge *m)
{
    m->copying = true;
    for (size_t i = 0; i < m->nlogs; i++) {
        const size_t end = i + 1 < m->nlogs ? m->logs[i + 1].first : m->n;
        m->next = m->logs[i].first;
        read_log(m, m->logs[i].path);
        if (m->next != end)
            cli_die(m->as, "%s: changed while it was read; merge again when its program has ended", m->logs[i].path);
    }
}

static void find_duplicates(struct merge *m)
{
    struct seen *seen = NULL, *x, *next;
    m->drop = cli_alloc(m->n + 1);
    for (size_t i = 0; i < m->n; i++) {
        HASH_FIND(hh, seen, &m->sums[i], sizeof m->sums[i], x);
        if (x) {
            m->drop[i] = true;
            m->dropped++;
            continue;
        }
        x = cli_alloc(sizeof *x);
        x->sum = m->sums[i];
        HASH_ADD(hh, seen, sum, sizeof x->sum, x);
    }
    HASH_ITER(hh, seen, x, next)
    {
        HASH_DEL(seen, x);
        free(x);
    }
}

// ---- the command -------------------------------------------------------------------------------------------------

static void add_log(void *context, const char *path)
{
    struct merge *const m = context;
    struct stat st;
    if (m->is_output_there && stat(path, &st) == 0 && st.st_dev == m->device && st.st_ino == m->inode) return;
    m->logs = realloc(m->logs, (m->nlogs + 1) * sizeof *m->logs);
    if (!m->logs) cli_die(m->as, "out of memory");
    m->logs[m->nlogs++] = (struct log){.path = cli_printf("%s", path)};
}
static void add_logs(struct merge *m, const char *path)
{
    const size_t before = m->nlogs;
    struct stat st;
    cli_files(m->as, path, add_log, m);
    if (m->nlogs == before && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        cli_die(m->as, "%s: cannot be both an input and the output", path);
}

static const char *options(const char *as, int argc, char **argv)
{
    static const struct option all[] = {{"output", required_argument, NULL, 'o'}, {0}};
    const char *output = NULL;
    opterr = 0;
    for (int value; (value = getopt_long(argc, argv, ":o:", all, NULL)) != -1;) {
        if (value == ':') cli_die(as, "%s: needs a value; see `ravel help %s`", argv[optind - 1], as);
        if (value == '?') cli_die(as, "%s: no such option; see `ravel help %s`", argv[optind - 1], as);
        output = optarg;
    }
    if (optind >= argc) cli_die(as, "which logs? Name files or directories; see `ravel help %s`", as);
    if (!output) cli_die(as, "where to? Give -o FILE, or -o - for stdout");
    return output;
}

// A regular file is written under another name first, so that whoever reads it finds the old one or the new one, and
// never half of it. What else may be there (a terminal, /dev/null, a pipe) must not be replaced.
static void write_merged(struct merge *m, const char *path)
{
    struct stat st;
    const bool to_stdout = strcmp(path, "-") == 0;
    const bool direct = to_stdout || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
    char *const behind_links = realpath(path, NULL), *const real = behind_links ? behind_links : cli_printf("%s", path);
    char *const name = direct ? cli_printf("%s", path) : cli_printf("%s.%d.tmp", real, getpid());
    m->out = to_stdout ? stdout : fopen(name, direct ? "w" : "wx");
    if (!m->out) cli_die(m->as, "%s: %s", name, strerror(errno));
    copy_logs(m);
    errno = 0;
    bool failed = ferror(m->out) || fflush(m->out) != 0;
    if (!to_stdout) fclose(m->out);
    if (!failed && !direct) failed = rename(name, real) != 0;
    if (failed) {
        const int error = errno ? errno : EIO;
        if (!direct) unlink(name);
        cli_die(m->as, "%s: cannot write: %s", to_stdout ? "stdout" : path, strerror(error));
    }
    free(real);
    free(name);
}

int cli_merge(const char *as, int argc, char **argv)
{
    struct merge m = {.as = as};
    struct stat st;
    const char *const output = options(as, argc + 1, argv - 1); // getopt wants a name in front
    if (stat(output, &st) == 0 && S_ISREG(st.st_mode)) {
        m.is_output_there = true;
        m.device = st.st_dev;
        m.inode = st.st_ino;
    }
    for (int i = optind; i <= argc; i++) add_logs(&m, argv[i - 1]);
    hash_logs(&m);
    find_duplicates(&m);
    write_merged(&m, output);
    fprintf(stderr, "ravel %s: %" PRIu64 " lines of %zu process%s from %zu file%s", as, m.lines,
            m.n - (size_t)m.dropped, m.n - m.dropped == 1 ? "" : "es", m.nlogs, m.nlogs == 1 ? "" : "s");
    if (m.dropped)
        fprintf(stderr, "; %" PRIu64 " that %s there twice left out", m.dropped, m.dropped == 1 ? "was" : "were");
    fputc('\n', stderr);
    return CLI_OK;
}
