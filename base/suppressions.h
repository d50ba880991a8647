// base/suppressions.h: a file of suppressions, ThreadSanitizer's format and a little more, read one rule at a time.
//
//     # reason: the queue is only read at exit         these three belong to the next rule;
//     # owner: ada                                     any other comment is for people
//     # expires: 2027-01-31                            the last day on which the rule holds
//     race:queue_length
//
// The runtime and `ravel gate` read the same files by this, so that they agree on what is in them. Takes text that need
// not end with a NUL, allocates nothing, and returns pieces of it.
#ifndef BASE_SUPPRESSIONS_H
#define BASE_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/date.h"

struct base_piece {
    const char *p; // NULL: there is none
    size_t n;
};
enum base_rule_type {
    BASE_RULE_RACE,
    BASE_RULE_RACE_TOP,
    BASE_RULE_DEADLOCK,
    BASE_RULE_NOTHING, // a type for findings that Ravel does not make: accepted, and matches nothing
};
struct base_rule {
    enum base_rule_type type;
    struct base_piece text;    // "race:queue_length"
    struct base_piece pattern; // "queue_length"
    struct base_piece reason, owner;
    struct base_date expires;
    bool has_expiry;
    int line;
    const char *wrong; // not NULL: the line is no rule, and this says what to do about it
};
struct base_rules {
    const char *at, *end;
    int line;
};
struct base_rules base_rules_of(const char *text, size_t n);
// False: that was all.
bool base_rules_next(struct base_rules *r, struct base_rule *out);
bool base_rule_expired(const struct base_rule *r, struct base_date today);

// A pattern is searched for in s; * stands for any text, ^ at its begin and $ at its end bind it to the ends of s.
bool base_rule_match(const char *pattern, const char *s);

#endif
