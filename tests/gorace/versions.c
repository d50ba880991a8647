// versions.c: detectors of another version than libravel_go's: rv_run ends the process with a line that says so.
#include <ravel.h>

#include "base/hooks.h"

static const struct base_detector other = {.size = sizeof other - 8};
const struct base_detector *ravel_attach(const struct base_runtime *runtime)
{
    (void)runtime;
    return &other;
}
static void body(void *arg) { (void)arg; }
int main(void) { return rv_run(body, NULL); }
