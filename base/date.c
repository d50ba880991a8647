#include "base/date.h"

#include <time.h>

#include "base/sys.h"

// Years are counted from March 1st of year 0, so that the leap day is the last one of a year.
struct base_date base_date_of(unsigned long seconds)
{
    const unsigned long day = seconds / 86400 + 719468, era = day / 146097, d = day % 146097;
    const unsigned long y = (d - d / 1460 + d / 36524 - d / 146096) / 365, in_year = d - (365 * y + y / 4 - y / 100);
    const unsigned long m = (5 * in_year + 2) / 153, month = m < 10 ? m + 3 : m - 9;
    return (struct base_date){y + era * 400 + (month <= 2), month, in_year - (153 * m + 2) / 5 + 1};
}
struct base_date base_date_today(void)
{
    struct timespec t;
    sys_call2(SYS_clock_gettime, CLOCK_REALTIME, &t);
    return base_date_of((unsigned long)t.tv_sec);
}

static bool digits(const char *s, int n, unsigned long *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        *out = *out * 10 + (unsigned long)(s[i] - '0');
    }
    return true;
}
static unsigned long days_in(unsigned long year, unsigned long month)
{
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}
bool base_date_read(const char *s, size_t n, struct base_date *out)
{
    struct base_date d;
    if (n != 10 || s[4] != '-' || s[7] != '-') return false;
    if (!digits(s, 4, &d.year) || !digits(s + 5, 2, &d.month) || !digits(s + 8, 2, &d.day)) return false;
    if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > days_in(d.year, d.month)) return false;
    *out = d;
    return true;
}
bool base_date_before(struct base_date a, struct base_date b)
{
    if (a.year != b.year) return a.year < b.year;
    if (a.month != b.month) return a.month < b.month;
    return a.day < b.day;
}
