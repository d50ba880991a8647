// cli/baseline.h: the findings that a project has accepted, as a file that lies in its repository.
//
//     {
//       "ravel-baseline": 1,
//       "findings": [
//         {
//           "fingerprint": "91c4f4c1cd6bb3c0",
//           "kind": "data-race",
//           "object": "global 'total'",
//           "sides": ["add (counter.c)", "main (counter.c)"],
//           "reason": "statistics only",  "owner": "ada",  "expires": "2027-01-31"      what people add
//         }
//       ]
//     }
//
// Only the fingerprint decides. There are no line numbers, so that an edit elsewhere changes nothing here; entries are
// sorted by kind, sides and fingerprint, so that a change shows as the entries that came and went. Members that we do
// not know are kept, in an entry as in the whole.
#ifndef CLI_BASELINE_H
#define CLI_BASELINE_H

#include "cli/findings.h"

#include "base/date.h"

struct cli_accepted {
    UT_hash_handle hh;
    char fingerprint[17];
    json_object *entry; // of root
    bool seen;          // in this run
    bool expired;
};
struct cli_baseline {
    const char *path;
    json_object *root; // NULL: the file is not there yet
    struct cli_accepted *all;
    uint64_t nexpired; // of the entries that were seen
};

// Reads what text says, which has a NUL behind it. NULL: it was good; else what is wrong with it, and *line where. Never ends the program.
char *cli_baseline_parse(struct cli_baseline *b, const char *text, size_t length, struct base_date today, int *line);
void cli_baseline_free(struct cli_baseline *b);
// Marks what is known. whole: the run has seen all that it should, so what is in the baseline only is added as CLI_FIXED.
void cli_baseline_apply(struct cli_baseline *b, struct cli_findings *f, bool whole);
struct cli_baseline_update {
    uint64_t added, removed, kept;
};
// The text of a baseline that accepts what was found: entries of what is there stay as they are, new ones are added,
// those of what was fixed go. The caller frees it.
char *cli_baseline_updated(struct cli_baseline *b, const struct cli_findings *f, struct cli_baseline_update *done);

#endif
