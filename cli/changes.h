// cli/changes.h: which lines a change touched, by `git diff`.
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include "cli/cli.h"

#include <json-c/json.h>
#include <uthash.h>

struct cli_span { // lines from..to, both included
    int from, to;
};
struct cli_changed_file {
    UT_hash_handle hh;
    char *path; // as git has it now: relative to the root of the repository
    struct cli_span *spans;
    size_t n, room;
    bool whole; // git does not know the file yet: every line of it is new
};
struct cli_changes {
    struct cli_changed_file *files;
    char *root; // of the repository, without a slash at the end; NULL: not known
};

// Reads what `git diff -U0` printed. False: it is no such text, *line says where it stops being one.
bool cli_changes_parse(struct cli_changes *c, const char *text, size_t length, int *line);
void cli_changes_free(struct cli_changes *c);
// Asks git, in the current directory. base: compare with the last commit that the working tree and rev have in common,
// not with rev itself. NULL: there it is; else what went wrong, in one line.
char *cli_changes_ask(struct cli_changes *c, const char *rev, bool base);
// Is this line of the file, as debug information names it, one of those that changed?
bool cli_changes_have(const struct cli_changes *c, const char *file, int line);
// Does any frame of the stacks that show the bug, or that created a strand of it, lie on a changed line? The report is one
// of docs/report-format.md.
bool cli_changes_touch(const struct cli_changes *c, const json_object *report);

#endif
