// The parser of baselines over any text. It must not crash; what it takes, it must write back and take again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/baseline.h"

static const struct base_date today = {2026, 1, 31};

static char *parse(struct cli_baseline *b, const char *text, size_t n)
{
    int line = 0;
    char *const wrong = cli_baseline_parse(b, text, n, today, &line);
    if (wrong && line < 1) abort();
    return wrong;
}
static void again(struct cli_baseline *b)
{
    struct cli_findings none = {0};
    struct cli_baseline_update done;
    struct cli_baseline back = {0};
    for (struct cli_accepted *a = b->all; a; a = a->hh.next) a->seen = true;
    char *const text = cli_baseline_updated(b, &none, &done);
    char *const wrong = parse(&back, text, strlen(text));
    if (wrong || HASH_COUNT(back.all) != HASH_COUNT(b->all) || done.kept != HASH_COUNT(b->all)) abort();
    cli_baseline_free(&back);
    free(text);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *const text = calloc(1, n + 1);
    if (!text) return 0;
    memcpy(text, data, n);
    struct cli_baseline b = {0};
    struct cli_findings f = {0};
    char *const wrong = parse(&b, text, n);
    if (!wrong) {
        again(&b);
        cli_baseline_apply(&b, &f, true);
        if (HASH_COUNT(f.all) != HASH_COUNT(b.all)) abort();
        cli_findings_free(&f);
    }
    free(wrong);
    cli_baseline_free(&b);
    free(text);
    return 0;
}
