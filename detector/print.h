// detector/print.h: from a finding to what a person or a program reads.
//
// The way of a report: det_report_print (report.c) merges it with what was already reported; a new one is given names
// (symbolize.c), a fingerprint (fingerprint.c) and a hint (hint.c), is written into a buffer by print_text.c or
// print_json.c, and leaves with one write(2) (log.c). Everything here runs outside the detector's locks, on the strand
// that made the finding, which is marked as inside the detector. One report at a time: report.c's lock.
#ifndef DETECTOR_PRINT_H
#define DETECTOR_PRINT_H

#include "base/flags.h"
#include "base/print.h"
#include "detector/report.h"
#include "detector/symbolize.h"

// ---- for instrument/ -----------------------------------------------------------------------------------------

// Opens log_path and, in JSON, writes the process line. Once, after the options were parsed, before any thread.
void det_report_start(void);
// Takes a finding. True when it is a new bug and was printed (halt_on_error may then end the program).
bool det_report_print(struct det_report *r);
// The end of the process: the summary. Returns how many distinct bugs were reported. Further calls only return that.
int det_report_finish(void);
// The same for a process that Ravel ends, with this exit code, because of what it found: the summary says so.
void det_report_finish_as(int code);
// The test that reports called `test` has ended, and only now its name is known: a line of JSON says so.
void det_report_found(uint32_t n); // by somebody else, who reports it: it counts in det_report_finish
void det_report_test_named(const char *test, const char *name);
// The child of a fork starts its own log, symboliser and count. Called in the child before it can make a finding.
void det_report_forked(void);

// A seed chose the order of goroutines (base/flags.def): reports say how to have it again.
static inline bool det_seeded(void) { return base_strncmp(base_flags.sched, "seed:", 5) == 0; }

// ---- what the printers are given -----------------------------------------------------------------------------

struct det_finding {
    const struct det_report *r;
    const char *kind;         // for programs: "data-race", "heap-use-after-free", "lock-order-inversion"
    const char *title;        // for people, ThreadSanitizer's wording
    struct det_global global; // the global at r->addr, where the location is not known to be something else
    char fingerprint[17];     // 16 hex digits
    const char *hint;         // one line on the likely mend
};
// One bug of this process: what was merged into it.
struct det_bug_count {
    char fingerprint[17];
    uint64_t hits;  // findings, the first one included
    uint64_t paths; // distinct pairs of call stacks among them
};
struct det_totals {
    uint32_t bugs;
    uint64_t findings;   // before merging
    int ended;           // Ravel ended the process with this exit code; -1: it ended by itself
    uint64_t suppressed; // findings that a suppression matched; they are no bugs
    struct det_stats stats;
    uint64_t frames_lost;               // det_stack_lost
    const struct det_bug_count *counts; // `bugs` of them, in order of printing
};

void det_text_report(struct base_buf *out, const struct det_finding *f, bool color);
void det_text_summary(struct base_buf *out, const struct det_totals *t);
void det_json_process(struct base_buf *out);
void det_json_report(struct base_buf *out, const struct det_finding *f);
void det_json_summary(struct base_buf *out, const struct det_totals *t);
void det_json_test(struct base_buf *out, const char *test, const char *name);
// Reads RAVEL_TEST_NAME and such; at start.
void det_json_start(void);
// ask writes the name of the test that is running, or nothing; it may be called on any thread, and takes no lock that the
// program's code can hold. Asked for each report, where RAVEL_TEST_NAME is not set.
void det_json_test_names(void (*ask)(struct base_buf *out));

// ---- frames --------------------------------------------------------------------------------------------------

// One line of a printed stack. Inlined functions have frames of their own.
struct det_shown {
    const struct det_place *place;
    const char *function, *file; // NULL: unknown; file as options want it shown
    const char *path;            // file as it is
    uint32_t line, column;
    bool inlined; // into the next frame
};
// A walk over a stack, innermost first, that leaves out what lies outside of main or of a thread's function.
//     for (struct det_frames i = det_frames_of(&stack); det_frames_next(&i, &shown);)
struct det_frames {
    const struct det_stack *stack;
    uint32_t at, end; // next pc, and the first that is not shown
    uint32_t inlined; // next function at that pc
    bool done;
};
struct det_frames det_frames_of(const struct det_stack *stack);
bool det_frames_next(struct det_frames *i, struct det_shown *out);
// The frame that stands for the whole stack: the innermost one with a source line, else the innermost. False: empty.
bool det_frames_top(const struct det_stack *stack, struct det_shown *out);
// A file name as options want it shown; NULL stays NULL.
const char *det_shown_path(const char *path);

// ---- fingerprint.c, hint.c -----------------------------------------------------------------------------------

// What makes two reports the same bug: stable across runs, machines and edits elsewhere (docs/report-format.md).
uint64_t det_fingerprint(const struct det_report *r, const struct det_global *global);
void det_hint(struct base_buf *out, const struct det_report *r, const struct det_global *global);

// ---- suppress.c ----------------------------------------------------------------------------------------------

// A rule of the file of suppressions, in the order of the file. Types that match nothing are left out.
struct det_suppression {
    const char *text;    // "race:queue_length"
    const char *pattern; // "queue_length"
    int type;            // enum base_rule_type
    int line;
    bool expired;                 // it is there to be named, and matches nothing
    uint64_t hits;                // findings that it kept from being reported; guarded by report.c's lock
    struct det_suppression *next; // constant once read, as is the rest
};
// Reads the file of suppressions, if there is one.
void det_suppress_start(void);
// The first rule that matches; NULL: none. Counts nothing.
struct det_suppression *det_suppressed(const struct det_report *r, const struct det_global *global);
struct det_suppression *det_suppressions(void); // the first one; NULL: there is none
void det_suppress_forked(void);                 // the child counts anew

// ---- log.c: where reports go ---------------------------------------------------------------------------------

void det_log_start(void);
void det_log_write(const struct base_buf *b); // one write(2)
bool det_log_is_terminal(void);
const char *det_log_process_name(void);
void det_log_forked(void);

#endif
