// base/date.h: the calendar without libc.
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>

struct base_date {
    unsigned long year, month, day; // of the Gregorian calendar, UTC; month and day from 1
};
// The date of a time since 1970-01-01, which is not before it.
struct base_date base_date_of(unsigned long seconds);
// By the system's clock.
struct base_date base_date_today(void);
// Reads YYYY-MM-DD, all of the n bytes; false: that is none.
bool base_date_read(const char *s, size_t n, struct base_date *out);
bool base_date_before(struct base_date a, struct base_date b);

#endif
