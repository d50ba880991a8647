// Dates against libc's calendar.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"

Test(date, as_gmtime_has_it)
{
    for (unsigned long day = 0; day < 200000; day++) { // to the year 2517
        const time_t t = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        const struct base_date d = base_date_of((unsigned long)t);
        cr_assert(d.year == (unsigned long)tm.tm_year + 1900 && d.month == (unsigned long)tm.tm_mon + 1 &&
                      d.day == (unsigned long)tm.tm_mday,
                  "day %lu", day);
        char text[40];
        snprintf(text, sizeof text, "%04lu-%02lu-%02lu", d.year, d.month, d.day);
        struct base_date back;
        cr_assert(base_date_read(text, strlen(text), &back), "%s", text);
        cr_assert_not(base_date_before(d, back) || base_date_before(back, d), "%s", text);
    }
}
Test(date, what_is_none)
{
    static const char *const wrong[] = {"",           "2026",        "2026-1-1",   "2026-13-01",
                                        "2026-00-10", "2026-02-30",  "2025-02-29", "2026-04-31",
                                        "2026/01/01", "2026-01-01 ", "x026-01-01", "1900-02-29"};
    struct base_date d;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(base_date_read(wrong[i], strlen(wrong[i]), &d), "%s", wrong[i]);
    cr_expect(base_date_read("2000-02-29", 10, &d));
}
Test(date, order)
{
    const struct base_date a = {2026, 1, 31}, b = {2026, 2, 1}, c = {2027, 1, 1};
    cr_expect(base_date_before(a, b) && base_date_before(b, c) && base_date_before(a, c));
    cr_expect_not(base_date_before(a, a) || base_date_before(c, a));
}
