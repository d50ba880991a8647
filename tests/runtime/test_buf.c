// test_buf.c: text that grows, against a naive model; and JSON's quotes.
#include "tests/runtime/rig.h"

static void model(void *random)
{
    static char expected[200000];
    size_t n = 0;
    rv_buf b = {0};
    for (int step = 0; step < 20000; step++) {
        const uint64_t r = rig_random(random);
        char part[700];
        const size_t k = r / 16 % (r % 7 == 0 ? sizeof part : 20);
        memset(part, 'a' + (int)(r % 26), k);
        if (r % 1000 == 0 || n > sizeof expected - 2000) {
            n = 0;
            (r / 1000 % 2 ? rv_buf_free : rv_buf_reset)(&b);
        } else if (r % 3 == 0) {
            rv_buf_printf(&b, "%.*s|%.3f", (int)k, part, 0.5);
            n += (size_t)sprintf(expected + n, "%.*s|%.3f", (int)k, part, 0.5);
        } else {
            rv_buf_add(&b, part, k);
            memcpy(expected + n, part, k);
            n += k;
        }
        expected[n] = 0;
        cr_assert_eq(b.n, n);
        if (b.text) cr_assert_str_eq(b.text, expected);
    }
    rv_buf_free(&b);
    cr_assert(!b.text && !b.n && !b.room);
}
Test(buf, grows)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(model, &random), 0);
}

static void quotes(void *arg)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\""},
        {"\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\x7f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f\""},
        {"\xc3", "\"\\ufffd\""},                                               // cut
        {"\xc0\xaf|\xe0\x80\xaf", "\"\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd\""}, // too long
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},                         // half of a pair
        {"\xf4\x90\x80\x80\xff", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
    };
    (void)arg;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rv_buf b = {0};
        rv_buf_json(&b, cases[i].text);
        cr_assert_str_eq(b.text, cases[i].json);
        rv_buf_free(&b);
    }
}
Test(buf, json) { cr_assert_eq(rv_run(quotes, NULL), 0); }
