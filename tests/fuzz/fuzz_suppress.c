// The reader of suppression files over any text: every piece lies in the text, lines only grow, and matching ends.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/suppressions.h"

static void check_piece(struct base_piece p, const char *text, size_t n)
{
    if (p.p && (p.p < text || p.p + p.n > text + n)) abort();
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *const text = (const char *)data;
    struct base_rules all = base_rules_of(text, n);
    int before = 0;
    for (struct base_rule r; base_rules_next(&all, &r);) {
        if (r.line <= before) abort();
        before = r.line;
        check_piece(r.text, text, n);
        check_piece(r.pattern, text, n);
        check_piece(r.reason, text, n);
        check_piece(r.owner, text, n);
        if (r.has_expiry && (r.expires.month > 12 || r.expires.day > 31)) abort();
        if (r.wrong || r.pattern.n > 300) continue;
        char pattern[301] = "";
        memcpy(pattern, r.pattern.p, r.pattern.n);
        base_rule_match(pattern, "/usr/lib/some_function_of(a_library).so");
        if (!strpbrk(pattern, "^$*") && !base_rule_match(pattern, pattern)) abort();
    }
    return 0;
}
