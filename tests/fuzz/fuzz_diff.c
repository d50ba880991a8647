// The reader of `git diff -U0` over any text, and questions about what it read.
#include <stdint.h>
#include <stdlib.h>

#include "cli/changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct cli_changes c = {0};
    int line = 0;
    cli_changes_parse(&c, (const char *)data, n, &line);
    for (const struct cli_changed_file *f = c.files; f; f = f->hh.next) {
        for (size_t i = 0; i < f->n; i++) {
            if (f->spans[i].from > f->spans[i].to) abort();
            if (f->path[0] && f->path[0] != '/' && f->path[0] != '.') cli_changes_have(&c, f->path, f->spans[i].from);
        }
        cli_changes_have(&c, f->path, 1);
    }
    cli_changes_free(&c);
    return 0;
}
