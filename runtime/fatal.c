// fatal.c: the program ends because it broke a rule. In Go's manner: what, the stack, exit code 2.
#include <stdarg.h>

#include "base/flags.h"
#include "base/print.h"
#include "runtime/dump.h"
#include "runtime/sched.h"
#include "runtime/seeded.h"

void rv__fatal_exit(void)
{
    BASE_BUF(b, 200);
    if (rv__seeded_on()) base_putf(&b, "\nravel: order of goroutines: RAVEL_OPTIONS=sched=%s\n", base_flags.sched);
    sys_write_all(2, b.p, b.n);
    sys_exit(2);
}
void rv__fatal(const char *fmt, ...)
{
    BASE_BUF(b, 512);
    va_list ap;
    rv__dump_claim();
    base_puts(&b, "fatal error: ");
    va_start(ap, fmt);
    base_vputf(&b, fmt, ap);
    va_end(ap);
    if (b.truncated) b.n -= 2;
    base_puts(&b, "\n\n");
    rv__dump_text(b.p, b.n);
    struct rv__m *const m = rv__m();
    rv__dump_one(m && m->g && m->g->kind == RV__GOROUTINE ? m->g : NULL, NULL);
    rv__fatal_exit();
}
void rv__fatal_deadlock(void)
{
    static const char text[] = "fatal error: all goroutines are asleep - deadlock!\n\n";
    rv__dump_claim();
    rv__dump_text(text, sizeof text - 1);
    rv__dump_all();
    rv__fatal_exit();
}
