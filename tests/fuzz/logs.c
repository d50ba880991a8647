// tests/fuzz/logs.c: logs of any content through the reader, every writer, and the merger. For libFuzzer; AFL++ links the
// same entry.
//
// Beyond not crashing, what must hold: every JSON document parses; XML has no byte that XML forbids; the page has one
// script; an annotation is one line; and a merged log says what the log itself says.
//
// Bytes changed at random hardly ever leave a line of JSON behind, so the mutator also changes members of parsed lines.
#include "cli/json.h"
#include "cli/report.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/merge.c" // its parts, without its command

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most) __attribute__((weak)); // AFL++ has none
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

#define MUST(x)                                                                                                        \
    do                                                                                                                 \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "does not hold: %s\n", #x);                                                                \
            abort();                                                                                                   \
        }                                                                                                              \
    while (0)

// ---- checks ------------------------------------------------------------------------------------------------------

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}
static bool is_json(const char *text)
{
    json_tokener *const t = json_tokener_new_ex(100);
    json_object *const o = json_tokener_parse_ex(t, text, (int)strlen(text));
    const bool good = json_tokener_get_error(t) == json_tokener_success;
    json_object_put(o);
    json_tokener_free(t);
    return good;
}
static void check(const char *format, char *text, size_t size)
{
    MUST(strlen(text) == size);
    if (strcmp(format, "json") == 0 || strcmp(format, "sarif") == 0 || strcmp(format, "gitlab") == 0)
        MUST(is_json(text));
    if (strcmp(format, "html") == 0) MUST(count(text, "<script") == 1 && count(text, "</script") == 1);
    if (strcmp(format, "html") == 0) MUST(count(text, "<noscript") == count(text, "</noscript"));
    if (strcmp(format, "annotations") == 0) MUST(count(text, "\n::") + (size > 0) == count(text, "\n"));
    if (strcmp(format, "summary") == 0) MUST(size <= 1 << 20 && !strstr(text, "<script"));
    if (strcmp(format, "junit") == 0)
        for (size_t i = 0; i < size; i++) MUST((unsigned char)text[i] >= ' ' || strchr("\n\t", text[i]));
    cli_utf8_repair(text, size);
    MUST(strlen(text) == size);
}

static void write_all(struct cli_findings *f)
{
    const struct cli_report_options o = {.as = "fuzz", .source_root = "/no/such/directory", .category = "fuzz"};
    for (const struct cli_writer *w = cli_writers; w->name; w++) {
        char *text = NULL;
        size_t size = 0;
        FILE *const out = open_memstream(&text, &size);
        MUST(out);
        w->write(out, f, &o);
        fclose(out);
        check(w->name, text, size);
        free(text);
    }
}

static int file_of(const void *data, size_t size, char path[64])
{
    const int fd = memfd_create("log", MFD_CLOEXEC);
    MUST(fd >= 0);
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(fd, (const char *)data + done, size - done);
        MUST(n > 0);
        done += (size_t)n;
    }
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}
static void check_merge(const char *path, const struct cli_findings *f)
{
    char *text = NULL, merged[64];
    size_t size = 0;
    struct cli_findings g = {0};
    struct merge m = {.as = "fuzz", .out = open_memstream(&text, &size)};
    add_log(&m, path);
    hash_logs(&m);
    find_duplicates(&m);
    copy_logs(&m);
    fclose(m.out);
    const int fd = file_of(text, size, merged);
    cli_findings_read(&g, "fuzz", merged);
    MUST(HASH_COUNT(g.all) == HASH_COUNT(f->all));
    if (m.dropped == 0) MUST(g.reports == f->reports && g.processes == f->processes && g.unfinished == f->unfinished);
    cli_findings_free(&g);
    close(fd);
    free(text), free(m.sums), free(m.drop), free(m.logs[0].path), free(m.logs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct cli_findings f = {0};
    const int fd = file_of(data, size, path);
    cli_findings_read(&f, "fuzz", path);
    check_merge(path, &f);
    cli_findings_sort(&f);
    for (struct cli_finding *x = f.all; x; x = x->hh.next) x->state = (enum cli_state)((x->fingerprint[15] + size) % 4);
    write_all(&f);
    cli_findings_free(&f);
    close(fd);
    return 0;
}

// ---- the mutator -------------------------------------------------------------------------------------------------

static json_object *any_value(void)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "0",
                                         "-1",
                                         "2",
                                         "4294967297",
                                         "18446744073709551615",
                                         "1e300",
                                         "\"\"",
                                         "[]",
                                         "{}",
                                         "[{}]",
                                         "[null]",
                                         "\"<&>\\\"'\\u0000\\u202e\\n\\r\\t%:,]]>\"",
                                         "\"0x1\"",
                                         "\"/\"",
                                         "\"../..//a/./b\"",
                                         "\"M1\"",
                                         "\"free\"",
                                         "\"\\ud800\""};
    return json_tokener_parse(values[(size_t)rand() % (sizeof values / sizeof *values)]);
}
// Takes a random member of a random object or array out, replaces it, or doubles it.
static void change_object(json_object *o)
{
    const int n = json_object_object_length(o);
    int skip = n ? rand() % n : 0;
    json_object_object_foreach(o, name, value)
    {
        if (skip-- > 0) continue;
        char *const copy = cli_printf("%s", name);
        if (rand() % 4 == 0)
            json_object_object_del(o, copy);
        else
            json_object_object_add(o, copy, any_value());
        (void)value;
        free(copy);
        return;
    }
}
static void change_array(json_object *o)
{
    const size_t n = json_object_array_length(o), i = n ? (size_t)rand() % n : 0;
    if (n && rand() % 3 == 0)
        json_object_array_del_idx(o, i, 1);
    else if (n && rand() % 2)
        json_object_array_put_idx(o, i, any_value());
    else if (n)
        json_object_array_add(o, json_object_get(json_object_array_get_idx(o, i)));
    else
        json_object_array_add(o, any_value());
}
static void change(json_object *o)
{
    for (int depth = rand() % 6; depth > 0; depth--) {
        json_object *inner = NULL;
        if (json_object_is_type(o, json_type_array) && json_object_array_length(o))
            inner = json_object_array_get_idx(o, (size_t)rand() % json_object_array_length(o));
        if (json_object_is_type(o, json_type_object) && json_object_object_length(o)) {
            int skip = rand() % json_object_object_length(o);
            json_object_object_foreach(o, name, value) if (skip-- == 0) inner = value;
            (void)name;
        }
        if (!json_object_is_type(inner, json_type_object) && !json_object_is_type(inner, json_type_array)) break;
        o = inner;
    }
    if (json_object_is_type(o, json_type_object)) change_object(o);
    if (json_object_is_type(o, json_type_array)) change_array(o);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    srand(seed);
    char *const text = (char *)data;
    size_t begin = size ? (size_t)rand() % size : 0, used;
    while (begin > 0 && text[begin - 1] != '\n') begin--;
    json_object *const o = rand() % 4 ? cli_json_parse(text + begin, size - begin, &used) : NULL;
    if (!o) return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, most) : size;
    change(o);
    size_t length;
    const char *const line = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &length);
    const size_t rest = size - begin - used;
    if (begin + length + rest <= most) {
        memmove(text + begin + length, text + begin + used, rest);
        memcpy(text + begin, line, length);
        size = begin + length + rest;
    }
    json_object_put(o);
    return size;
}
