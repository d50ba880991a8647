// base/flags.c: the parser of RAVEL_OPTIONS, driven by the table in flags.def.
// Runs before constructors and before the program's first thread; takes memory from base/arena.h only for text values.
#include "base/flags.h"

#include "base/arena.h"
#include "base/sys.h"

#define DEFAULT_bool(def)   def
#define DEFAULT_int(def)    def
#define DEFAULT_text(def)   def
#define DEFAULT_choice(def) 0

static const struct base_flags defaults = {
#define FLAG(type, name, def, help) .name = DEFAULT_##type(def),
#include "base/flags.def"
};
struct base_flags base_flags = {
#define FLAG(type, name, def, help) .name = DEFAULT_##type(def),
#include "base/flags.def"
};

enum type { TYPE_bool, TYPE_int, TYPE_text, TYPE_choice };
struct row {
    const char *name;
    const char *help;
    enum type type;
    const char *def; // as it is written in the table
    void *value;
};
static const struct row table[] = {
#define FLAG(type, name, def, help) {#name, help, TYPE_##type, #def, &base_flags.name},
#include "base/flags.def"
};
enum { ROWS = sizeof table / sizeof *table };

// ThreadSanitizer's options that have nothing to do here: what they tune does not exist in Ravel, or is not there yet.
static const char *const foreign[] = {
    "abort_on_error",
    "allocator_may_return_null",
    "allocator_release_to_os_interval_ms",
    "allow_addr2line",
    "atexit_sleep_ms",
    "can_use_proc_maps_statm",
    "coverage",
    "coverage_dir",
    "decorate_proc_maps",
    "dedup_token_length",
    "demangle",
    "die_after_fork",
    "disable_coredump",
    "dump_instruction_bytes",
    "dump_registers",
    "enable_symbolizer_markup",
    "external_symbolizer_path",
    "fast_unwind_on_check",
    "fast_unwind_on_fatal",
    "fast_unwind_on_malloc",
    "flush_memory_ms",
    "flush_symbolizer_ms",
    "force_background_thread",
    "force_seq_cst_atomics",
    "full_address_space",
    "handle_abort",
    "handle_ioctl",
    "handle_segv",
    "handle_sigbus",
    "handle_sigfpe",
    "handle_sigill",
    "handle_sigtrap",
    "hard_rss_limit_mb",
    "heap_profile",
    "history_size",
    "html_cov_report",
    "ignore_interceptors_accesses",
    "ignore_noninstrumented_modules",
    "include",
    "include_if_exists",
    "intercept_memcmp",
    "intercept_memmem",
    "intercept_send",
    "intercept_stat",
    "intercept_strchr",
    "intercept_strcmp",
    "intercept_strlen",
    "intercept_strndup",
    "intercept_strpbrk",
    "intercept_strspn",
    "intercept_strstr",
    "intercept_strtok",
    "intercept_tls_get_addr",
    "io_sync",
    "legacy_pthread_cond",
    "let_thread_leak",
    "lock_during_write",
    "log_to_syslog",
    "malloc_context_size",
    "max_allocation_size_mb",
    "memory_limit_mb",
    "mmap_limit_mb",
    "no_huge_pages_for_shadow",
    "print_benign",
    "print_cmdline",
    "print_full_thread_history",
    "print_module_map",
    "print_suppressions",
    "profile_memory",
    "report_destroy_locked",
    "report_mutex_bugs",
    "report_signal_unsafe",
    "report_thread_leaks",
    "running_on_valgrind",
    "shared_address_space",
    "soft_rss_limit_mb",
    "stack_trace_format",
    "stop_on_start",
    "strict_memcmp",
    "strict_string_checks",
    "strip_env",
    "suppress_equal_addresses",
    "symbolize_inline_frames",
    "symbolize_vs_style",
    "test_only_emulate_no_memorymap",
    "test_only_replace_dlopen_noload",
    "use_madv_dontdump",
    "use_sigaltstack",
    "verbosity",
};

static int trouble;

// A piece of the text that is being parsed.
struct slice {
    const char *p;
    size_t n;
};
static bool same(struct slice a, const char *b) { return base_strlen(b) == a.n && base_strncmp(a.p, b, a.n) == 0; }

// Edit distance with the usual unit costs, over names of up to 40 bytes.
static int distance(struct slice a, const char *b)
{
    enum { MOST = 40 };
    const size_t nb = base_strlen(b);
    if (a.n > MOST || nb > MOST) return MOST;
    int row[MOST + 1];
    for (size_t j = 0; j <= nb; j++) row[j] = (int)j;
    for (size_t i = 1; i <= a.n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = diagonal + (a.p[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}
// The option that was probably meant; NULL: none is near.
static const char *nearest(struct slice name)
{
    int best = 0;
    for (int i = 1; i < ROWS; i++)
        if (distance(name, table[i].name) < distance(name, table[best].name)) best = i;
    return distance(name, table[best].name) * 2 <= (int)name.n ? table[best].name : NULL;
}

void base_flags_complain(const char *fmt, ...)
{
    BASE_BUF(b, 1024);
    va_list ap;
    va_start(ap, fmt);
    base_vputf(&b, fmt, ap);
    va_end(ap);
    trouble++;
    base_say("%s", b.p);
}
static void refuse_name(struct slice name, const char *where)
{
    if (base_strcmp(where, "TSAN_OPTIONS") == 0) return;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (same(name, foreign[i])) {
            base_flags_complain("%s: %s is an option of ThreadSanitizer that does nothing here; help=1 lists Ravel's",
                                where, foreign[i]);
            return;
        }
    const char *const meant = nearest(name);
    base_flags_complain("%s: no option '%.*s'%s%s; help=1 lists them", where, (int)name.n, name.p,
                        meant ? ", did you mean " : "", meant ? meant : "");
}
static void refuse_value(const struct row *r, struct slice value, const char *where, const char *wanted)
{
    base_flags_complain("%s: %s='%.*s' is not %s", where, r->name, (int)value.n, value.p, wanted);
}

// The default as a user would write it: text and choices are C string literals in the table, bools are words.
static struct slice default_of(const struct row *r)
{
    const size_t n = base_strlen(r->def);
    if (r->type == TYPE_bool) return (struct slice){r->def[0] == 't' ? "1" : "0", 1};
    return r->def[0] == '"' ? (struct slice){r->def + 1, n - 2} : (struct slice){r->def, n};
}

static void set_bool(const struct row *r, struct slice v, const char *where)
{
    if (same(v, "1") || same(v, "true") || same(v, "yes"))
        *(bool *)r->value = true;
    else if (same(v, "0") || same(v, "false") || same(v, "no"))
        *(bool *)r->value = false;
    else
        refuse_value(r, v, where, "0 or 1");
}
static void set_int(const struct row *r, struct slice v, const char *where)
{
    const bool negative = v.n && v.p[0] == '-';
    long sum = 0;
    size_t i = negative;
    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && sum <= 0x7fffffff; i++) sum = sum * 10 + (v.p[i] - '0');
    if (i != v.n || i == (size_t)negative || sum > 0x7fffffff)
        refuse_value(r, v, where, "a number");
    else
        *(int *)r->value = (int)(negative ? -sum : sum);
}
static void set_text(const struct row *r, struct slice v)
{
    char *copy = base_arena_alloc(v.n + 1);
    for (size_t i = 0; i < v.n; i++) copy[i] = v.p[i];
    *(const char **)r->value = copy;
}
static void set_choice(const struct row *r, struct slice v, const char *where)
{
    const struct slice all = default_of(r);
    int index = 0;
    for (size_t from = 0, i = 0; i <= all.n; i++) {
        if (i < all.n && all.p[i] != '|') continue;
        if (v.n == i - from && base_strncmp(all.p + from, v.p, v.n) == 0) {
            *(int *)r->value = index;
            return;
        }
        index++;
        from = i + 1;
    }
    BASE_BUF(wanted, 100);
    base_putf(&wanted, "one of %.*s", (int)all.n, all.p);
    refuse_value(r, v, where, wanted.p);
}
static void set(struct slice name, struct slice value, const char *where)
{
    for (int i = 0; i < ROWS; i++) {
        if (!same(name, table[i].name)) continue;
        switch (table[i].type) {
        case TYPE_bool: set_bool(&table[i], value, where); break;
        case TYPE_int: set_int(&table[i], value, where); break;
        case TYPE_text: set_text(&table[i], value); break;
        case TYPE_choice: set_choice(&table[i], value, where); break;
        }
        return;
    }
    refuse_name(name, where);
}

static bool separates(char c) { return c == ' ' || c == ':' || c == ',' || c == '\n' || c == '\t' || c == '\r'; }
// A colon before a digit belongs to the value (seed:7): no option's name begins with one.
static bool ends(const char *p) { return separates(*p) && !(p[0] == ':' && p[1] >= '0' && p[1] <= '9'); }
// Takes a value off *s: up to a separator, or to the closing quote.
static struct slice take_value(const char **s)
{
    const char *p = *s;
    const char quote = *p == '\'' || *p == '"' ? *p++ : 0;
    struct slice v = {p, 0};
    while (*p && (quote ? *p != quote : !ends(p))) p++;
    v.n = (size_t)(p - v.p);
    *s = quote && *p ? p + 1 : p;
    return v;
}
void base_flags_parse(const char *s, const char *where)
{
    while (s && *s) {
        if (separates(*s)) {
            s++;
            continue;
        }
        struct slice name = {s, 0};
        while (*s && *s != '=' && !separates(*s)) s++;
        name.n = (size_t)(s - name.p);
        if (*s != '=') {
            base_flags_complain("%s: '%.*s' has no value; write name=value", where, (int)name.n, name.p);
            continue;
        }
        s++;
        set(name, take_value(&s), where);
    }
}
int base_flags_trouble(void) { return trouble; }

void base_flags_help(void)
{
    BASE_BUF(b, 8192);
    base_puts(&b, "Options of a program checked by Ravel: RAVEL_OPTIONS=\"name=value:...\" in its environment.\n");
    for (int i = 0; i < ROWS; i++) {
        const struct slice def = default_of(&table[i]);
        base_putf(&b, "  %-22s %s (%s%.*s)\n", table[i].name, table[i].help,
                  table[i].type == TYPE_choice ? "" : "default ", (int)def.n, def.p);
    }
    sys_write_all(2, b.p, b.n);
}
void base_flags_manual(struct base_buf *out)
{
    for (int i = 0; i < ROWS; i++) {
        const struct slice def = default_of(&table[i]);
        base_putf(out, "| `%s` | ", table[i].name);
        for (size_t k = 0; k < def.n; k++)
            if (def.p[k] == '|')
                base_puts(out, " or ");
            else
                base_putn(out, &def.p[k], 1);
        base_putf(out, " | %s |\n", table[i].help);
    }
}
void base_flags_reset(void)
{
    base_flags = defaults;
    trouble = 0;
}
