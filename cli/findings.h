// cli/findings.h: what a set of logs says: its findings merged by fingerprint, and what is wrong with the logs.
//
// A log is docs/report-format.md's JSON lines. It is read line by line and may be larger than memory: of each distinct
// bug one report stays, as the place of its line in its file, and is parsed again when somebody asks for it. So memory
// goes with the number of distinct bugs, processes' names and tests' names, never with the size of the logs.
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include "cli/cli.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#undef uthash_fatal
#define uthash_fatal(what) cli_die("", "%s", what)
#include <uthash.h>

// A set of short texts, each with a count, in order of first sight: tests, programs.
struct cli_name {
    UT_hash_handle hh;
    char *text;
    uint64_t count;
};

// Of source. file NULL: not known, function is then the symbol, or "module+0xoffset", or NULL.
struct cli_place {
    char *file, *function;
    int line, column; // 0: not known
};

enum cli_state { CLI_NEW, CLI_KNOWN, CLI_FIXED, CLI_SUPPRESSED };

struct cli_finding {
    UT_hash_handle hh;
    char fingerprint[17];
    // "data-race", "data race". "unknown" where only a summary told of it: its report was lost with a cut line. Never
    // NULL after reading.
    char *kind, *title;
    // The innermost frame with a source file: of the side just made and of the earlier one; of a cycle, where the first
    // and the second edge's lock was taken. place[1].file may be NULL.
    struct cli_place place[2];
    char *object;           // "global 'total'", "heap block of size 32", "a_lock => M1 => a_lock"; NULL: not known
    uint64_t hits, paths;   // summed over the processes that told them; at least the number of reports
    uint64_t processes;     // that reported it
    uint64_t runs;          // in how many of the runs read it showed
    struct cli_name *tests; // in which it was found
    struct cli_name *programs;
    enum cli_state state; // CLI_NEW until a baseline or a suppression says otherwise
    const char *reason;   // of a baseline entry or suppression; NULL
    // The first report of it: a line of a log. length 0: there is none (a fixed finding that only the baseline knows).
    uint32_t log;
    uint64_t at;
    size_t length;
    uint64_t last_run; // reading: the run that it was last seen in
};

// A rule of a file of suppressions, as processes told of it in their summaries.
struct cli_suppression {
    UT_hash_handle hh;
    char *key; // "FILE:LINE: race:name"
    char *pattern, *file;
    int64_t line;
    uint64_t hits; // summed over the processes
    bool expired;
};

struct cli_findings {
    struct cli_finding
        *all;    // by fingerprint; cli_findings_sort makes the order of iteration that of place[0], then fingerprint
    char **logs; // names of the files read
    uint32_t nlogs;
    uint64_t lines, reports;
    uint64_t processes;         // that began here: `process` lines
    uint64_t unfinished;        // of them, without a `summary`: killed, crashed, or replaced by exec
    uint64_t suppressed;        // findings that suppressions of the processes matched (summaries)
    uint64_t cut_lines;         // not (all of) a line of this format: a writer was killed, or the file was mangled
    uint64_t foreign;           // lines of another version of the format, left out
    uint64_t trouble, given_up; // summed over summaries
    struct cli_suppression *suppressions; // in order of first sight, which is that of their file
    uint64_t runs; // how many runs were read (cli_findings_next_run); at least 1 once something was read
};

// Reads a log, or all files below a directory in the order of their names, and adds what they say. as: the subcommand,
// for messages. What cannot be opened, or is no regular file, is cli_die's. What is wrong inside the file is counted,
// never fatal: the rest is read.
void cli_findings_read(struct cli_findings *f, const char *as, const char *path);
// What is read from now on belongs to the next run. Called before each run, or between two.
void cli_findings_next_run(struct cli_findings *f);
// The report of a finding, parsed anew; the caller frees it by json_object_put. NULL where there is none.
json_object *cli_finding_report(const struct cli_findings *f, const struct cli_finding *x);
// Sorts by place and fingerprint, so that every output of the same findings is the same.
void cli_findings_sort(struct cli_findings *f);
struct cli_finding *cli_findings_get(struct cli_findings *f, const char *fingerprint); // NULL: not there
struct cli_finding *cli_findings_add(struct cli_findings *f, const char *fingerprint); // found or made, zeroed
void cli_findings_free(struct cli_findings *f); // all of it, reason (which is somebody else's) left out

// The set of names: counts one more of text.
void cli_name_count(struct cli_name **set, const char *text);

#endif
