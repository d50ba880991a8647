// cli/report.h: what is made of findings: one writer per format, and what the writers share.
//
// A writer gets the findings, their states decided and sorted by place, and prints one document. It asks for the report
// of one finding after the other, so that memory does not go with their number. Everything that came out of a log is
// somebody else's text: it is escaped by the writer's rules, and a report may lack anything.
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/findings.h"

#include <getopt.h>

struct cli_report_options {
    const char *as;          // the subcommand, for messages
    const char *source_root; // absolute, without . and .. and a / at its end; paths below it are written relative to it
    const char *(*path_maps)[2]; // a path that begins with [0] is taken to begin with [1] here
    size_t npath_maps;
    const char *category; // SARIF: tells uploads of one commit apart
    bool colour;          // text only
};
// The root is DIR; NULL: the directory above here that has a .git in it, or else here.
void cli_report_options_init(struct cli_report_options *o, const char *as, const char *dir);
void cli_report_path_map(struct cli_report_options *o, const char *old_is_new); // "OLD=NEW"

struct cli_writer {
    const char *name, *help;
    void (*write)(FILE *, struct cli_findings *, const struct cli_report_options *);
};
extern const struct cli_writer cli_writers[];                               // ends with a name that is NULL
const struct cli_writer *cli_writer_find(const char *as, const char *name); // an unknown one is cli_die's

// Outputs as a command line asks for them: --sarif FILE, --html FILE, ...; FILE may be "-", stdout.
struct cli_output {
    const struct cli_writer *writer;
    const char *path;
};
struct cli_outputs {
    struct cli_output *v;
    size_t n;
};
enum { CLI_WRITER_OPTION = 0x4000 }; // a struct option's val of the first writer; the others follow
// Appends a struct option for every writer, and one of zeroes, to the n at into. Returns how many there are now.
size_t cli_writer_options(struct option *into, size_t n);
void cli_outputs_add(struct cli_outputs *l, const struct cli_writer *w, const char *path);
void cli_outputs_write(const struct cli_outputs *l, struct cli_findings *f, const struct cli_report_options *o);

void cli_write_text(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_json(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_sarif(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_junit(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_annotations(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_summary(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_gitlab(FILE *, struct cli_findings *, const struct cli_report_options *);
void cli_write_html(FILE *, struct cli_findings *, const struct cli_report_options *);
// A finding in the shape of docs/report-format.md's text; also what JUnit and the step summary quote.
void cli_write_text_of(FILE *, const struct cli_finding *, const json_object *report,
                       const struct cli_report_options *);

// ---- order and states (report_words.c) ---------------------------------------------------------------------------

// The findings: new ones first, then known, suppressed, fixed; in each state as they were sorted. The caller frees it.
struct cli_finding **cli_report_order(struct cli_findings *f, size_t *n);
const char *cli_state_name(enum cli_state s); // "new", ...
struct cli_state_counts {
    uint64_t of[CLI_SUPPRESSED + 1];
};
struct cli_state_counts cli_report_counts(struct cli_findings *f);
// What a reader has to know about the logs besides the findings, one sentence each: that lines were cut, that a process
// did not end by itself. NULL after the last.
const char *cli_report_remark(const struct cli_findings *f, int i);

// ---- words (report_words.c). They live until cli_scratch_free, which writers call after every finding ------------

char *cli_scratch(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *cli_scratch_alloc(size_t bytes);
void cli_scratch_free(void);

const char *cli_say_strand(const json_object *report,
                           int64_t id);                 // "main thread", "thread T2 'name'", "goroutine 7 \"name\""
const char *cli_say_creator(const json_object *strand); // the same, of who created a member of "strands"
const char *cli_say_strand_short(const json_object *report, int64_t id); // "main", "T2", "G7"
const char *cli_say_lock(const json_object *report, int64_t id);         // "table_lock", "forks[2]", "M2"
const char *cli_say_access(const json_object *side);                     // "atomic write of size 4", "free"
const char *cli_say_location(const json_object *report);                 // "global 'total' of size 4"; NULL: not known
const char *cli_say_hint(const json_object *report);                     // how to mend it, locks by name; NULL: no hint
const char *cli_say_frame(const json_object *frame, const struct cli_report_options *o); // "add counter.c:8:39"
const char *cli_say_place(const struct cli_place *p,
                          const struct cli_report_options *o); // "counter.c:8"; else a symbol
// One sentence that tells the finding. report may be NULL.
const char *cli_say_message(const struct cli_finding *x, const json_object *report, const struct cli_report_options *o);

// A path as it is here: mapped, and without //, . and .. in it.
const char *cli_path_here(const struct cli_report_options *o, const char *path);
// The same relative to the source root; NULL: it is not below it.
const char *cli_path_relative(const struct cli_report_options *o, const char *path);
const char *cli_path_show(const struct cli_report_options *o, const char *path); // relative if it can be

// ---- the stacks of a report (report_stacks.c) --------------------------------------------------------------------

enum cli_stack_role { CLI_SIDE, CLI_SYNC, CLI_WANTED, CLI_HELD, CLI_ALLOCATED, CLI_LOCK_MADE, CLI_STRAND_MADE };
struct cli_stack {
    enum cli_stack_role role;
    size_t of;      // CLI_SIDE, CLI_SYNC: which side; CLI_WANTED, CLI_HELD: which edge; ..._MADE: which lock or strand
    int64_t strand; // whose stack it is; CLI_STRAND_MADE: who was made; -1: not known
    const char *caption;       // "Write of size 4 by thread T2", "Thread T2 was created by main thread"
    const json_object *frames; // an array, may be empty; innermost first
    bool cut;                  // there were more, outer, frames
};
// All of them, in the order of the text; they live as the words do.
struct cli_stack *cli_report_stacks(const json_object *report, size_t *n);
size_t cli_frames(const struct cli_stack *s);
json_object *cli_frame(const struct cli_stack *s, size_t i); // NULL: not an object
json_object *cli_frame_with_file(const struct cli_stack *s); // the innermost that has one; NULL: none
bool cli_report_is_cycle(const json_object *report);

#endif
