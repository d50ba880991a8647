#include "base/check.h"
#include "base/print.h"
#include "base/sys.h"

void (*base_check_give_up)(const char *file, int line, const char *what);

void base_check_failed(const char *file, int line, const char *what)
{
    if (base_check_give_up) {
        base_check_give_up(file, line, what);
        return;
    }
    base_say("CHECK failed at %s:%d: %s", file, line, what);
    __builtin_trap();
}
