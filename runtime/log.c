// log.c: structured logging: Go's log/slog. A record is one line, in text or JSON, by one write(2).
//
// It orders nothing: a line that happens to be written between two accesses must not hide their race. So it takes no lock, and the write is not told to the
// detectors. A write that blocks hands its P on. Rejected: a library. Those for C (zlog, log4c, syslog) take pthread locks and allocate with malloc in each call, and a
// goroutine that parks or is stopped there holds a lock that its thread owns.
#include <time.h>

#include "base/date.h"
#include "base/print.h"
#include "base/sys.h"
#include "runtime/local.h"
#include "runtime/sched.h"

const char rv_log_request = 0;
static struct {
    int fd; // atomic, all of these
    int format;
    int level;
} to = {.fd = 2, .format = RV_LOG_TEXT, .level = RV_LOG_INFO};

void rv_log_setup(int fd, enum rv_log_format format, int level)
{
    base_store_relaxed(&to.fd, fd); // relaxed, all: a record meanwhile may go either way
    base_store_relaxed(&to.format, (int)format);
    base_store_relaxed(&to.level, level);
}
bool rv_log_on(int level) { return level >= base_load_relaxed(&to.level); } // relaxed: as above

// ---- one field -------------------------------------------------------------------------------------------------------------------

struct line {
    rv_buf buf;
    bool json;
};
static bool plain(const char *s) // needs no quotes in text
{
    if (!*s) return false;
    for (; *s; s++)
        if (*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || (unsigned char)*s >= 0x7f) return false;
    return true;
}
static void put_text(struct line *l, const char *s)
{
    if (!s) s = "";
    if (!l->json && plain(s))
        rv_buf_puts(&l->buf, s);
    else
        rv_buf_json(&l->buf, s);
}
static void put_key(struct line *l, const char *group, const char *key, size_t n)
{
    rv_buf name = {0};
    if (l->buf.n > l->json) rv_buf_puts(&l->buf, l->json ? "," : " "); // not the first
    if (group) rv_buf_printf(&name, "%s.", group);
    rv_buf_add(&name, key, n);
    put_text(l, name.text);
    rv_buf_puts(&l->buf, l->json ? ":" : "=");
    rv_buf_free(&name);
}
static void put_field(struct line *l, const char *key, const char *value)
{
    put_key(l, NULL, key, base_strlen(key));
    put_text(l, value);
}
static bool is_finite(double x) { return x - x == 0; }
static void put_attr(struct line *l, const rv_attr *a)
{
    put_key(l, NULL, a->key, base_strlen(a->key));
    switch (a->kind) {
    case RV_ATTR_INT: rv_buf_printf(&l->buf, "%lld", (long long)a->i); break;
    case RV_ATTR_BOOL: rv_buf_puts(&l->buf, a->i ? "true" : "false"); break;
    case RV_ATTR_DOUBLE:
        rv_buf_printf(&l->buf, l->json && !is_finite(a->d) ? "\"%g\"" : "%.17g", a->d);
        break; // JSON has no infinity
    default: put_text(l, a->s);
    }
}

// ---- what every record has -------------------------------------------------------------------------------------------------------

static void put_time(struct line *l)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const struct base_date d = base_date_of((unsigned long)t.tv_sec);
    const unsigned s = (unsigned)(t.tv_sec % 86400);
    rv_buf text = {0};
    rv_buf_printf(&text, "%04lu-%02lu-%02luT%02u:%02u:%02u.%06ldZ", d.year, d.month, d.day, s / 3600, s / 60 % 60,
                  s % 60, t.tv_nsec / 1000);
    put_field(l, "time", text.text);
    rv_buf_free(&text);
}
static void put_level(struct line *l, int level)
{
    static const struct {
        int from;
        const char *name;
    } levels[] = {{RV_LOG_ERROR, "ERROR"}, {RV_LOG_WARN, "WARN"}, {RV_LOG_INFO, "INFO"}, {INT32_MIN, "DEBUG"}};
    int i = 0;
    while (level < levels[i].from) i++;
    const int over = level - (levels[i].from == INT32_MIN ? RV_LOG_DEBUG : levels[i].from);
    rv_buf text = {0};
    rv_buf_printf(&text, over ? "%s%+d" : "%s", levels[i].name, over);
    put_field(l, "level", text.text);
    rv_buf_free(&text);
}
// "key=value,key=value", as rv_set_labels was given them.
static void put_labels(struct line *l, const char *labels)
{
    while (*labels) {
        size_t key = 0, n = 0;
        while (labels[n] && labels[n] != ',') n++;
        while (key < n && labels[key] != '=') key++;
        rv_buf value = {0};
        if (key < n) rv_buf_add(&value, labels + key + 1, n - key - 1);
        put_key(l, "labels", labels, key);
        put_text(l, value.text);
        rv_buf_free(&value);
        labels += n + (labels[n] == ',');
    }
}
static void put_who(struct line *l)
{
    const struct rv__m *const m = rv__m();
    const struct rv__g *const g = m ? m->g : NULL;
    put_key(l, NULL, g && g->id ? "goroutine" : "thread", g && g->id ? 9 : 6);
    rv_buf_printf(&l->buf, "%llu", g && g->id ? (unsigned long long)g->id : (unsigned long long)sys_gettid());
    if (!g || !g->extra) return;
    if (g->extra->name[0]) put_field(l, "name", g->extra->name);
    put_labels(l, g->extra->labels);
}
static void write_line(struct line *l)
{
    rv_buf_puts(&l->buf, l->json ? "}\n" : "\n");
    rv_syscall_enter();
    sys_write_all(base_load_relaxed(&to.fd), l->buf.text, l->buf.n);
    rv_syscall_exit();
    rv_buf_free(&l->buf);
}
void rv_log_write(int level, rv_ctx *ctx, const char *message, const rv_attr *attrs, size_t n)
{
    if (!rv_log_on(level)) return;
    struct line l = {.json = base_load_relaxed(&to.format) == RV_LOG_JSON};
    if (l.json) rv_buf_puts(&l.buf, "{");
    put_time(&l);
    put_level(&l, level);
    put_field(&l, "msg", message);
    put_who(&l);
    const char *const request = ctx ? rv_ctx_value(ctx, &rv_log_request) : NULL;
    if (request) put_field(&l, "request", request);
    for (size_t i = 0; i < n; i++)
        if (attrs[i].key) put_attr(&l, &attrs[i]);
    write_line(&l);
}
