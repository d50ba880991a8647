// vars.c: variables that a program publishes, as one JSON object: Go's expvar.
//
// Published ones stay for the life of the process, so whoever walks the list needs no lock: an entry is complete before it is linked in, and its link only
// ever changes to point at another entry that comes between. The list is in the order of names.
#include <errno.h>

#include "base/arena.h"
#include "base/print.h"
#include "base/sys.h"
#include "runtime/chan.h"
#include "runtime/rt.h"

#include <fcntl.h>

struct var {
    struct var *next; // atomic
    rv_var_fn *fn;    // constant, these
    void *arg;
    char name[];
};
static struct var *first;    // atomic
static struct rv__lock lock; // of who publishes

int rv_var_publish(const char *name, rv_var_fn *fn, void *arg)
{
    const size_t n = base_strlen(name) + 1;
    struct var *const v = base_arena_alloc(sizeof *v + n), **at = &first;
    v->fn = fn;
    v->arg = arg;
    rv__copy(v->name, name, n);
    struct rv__g *const g = rv__enter();
    rv__lock(&lock);
    while (*at && base_strcmp((*at)->name, name) < 0) at = &(*at)->next;
    const bool taken = *at && base_strcmp((*at)->name, name) == 0;
    if (!taken) {
        v->next = *at;
        base_store_release(at, v); // release: what it is; pairs with the acquire in rv_vars_write
    }
    rv__unlock(&lock);
    rv__leave(g);
    return taken ? -EEXIST : 0;
}
void rv_var_int(void *number, rv_buf *out)
{
    rv_buf_printf(out, "%lld", (long long)base_load_relaxed((int64_t *)number));
}
void rv_var_counter(void *counter, rv_buf *out) { rv_buf_printf(out, "%lld", (long long)rv_counter_value(counter)); }
void rv_var_text(void *text, rv_buf *out) { rv_buf_json(out, text); }

// ---- what is there from the beginning ------------------------------------------------------------------------------------------

static void put_command_line(rv_buf *out)
{
    rv_buf text = {0};
    const long fd = sys_call3(SYS_open, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    char part[4096];
    for (long n; fd >= 0 && (n = sys_read((int)fd, part, sizeof part)) > 0;) rv_buf_add(&text, part, (size_t)n);
    if (fd >= 0) sys_call1(SYS_close, fd);
    rv_buf_puts(out, "[");
    for (size_t at = 0; at < text.n; at += base_strlen(text.text + at) + 1) {
        rv_buf_puts(out, at ? "," : "");
        rv_buf_json(out, text.text + at);
    }
    rv_buf_puts(out, "]");
    rv_buf_free(&text);
}
static void put_memstats(rv_buf *out)
{
    rv_memstats m;
    rv_memstats_read(&m);
    rv_buf_printf(out, "{\"Alloc\": %llu, \"HeapSys\": %llu, \"HeapIdle\": %llu, \"Sys\": %llu, \"NumGC\": %llu}",
                  (unsigned long long)m.alloc, (unsigned long long)m.heap_sys, (unsigned long long)m.heap_idle,
                  (unsigned long long)m.sys, (unsigned long long)m.num_gc);
}
void rv_vars_write(rv_buf *out)
{
    rv_buf_puts(out, "{\n\"cmdline\": ");
    put_command_line(out);
    rv_buf_puts(out, ",\n\"memstats\": ");
    put_memstats(out);
    // acquire: pairs with the release in rv_var_publish
    for (struct var *v = base_load_acquire(&first); v; v = base_load_acquire(&v->next)) {
        rv_buf_puts(out, ",\n");
        rv_buf_json(out, v->name);
        rv_buf_puts(out, ": ");
        v->fn(v->arg, out);
    }
    rv_buf_puts(out, "\n}\n");
}
