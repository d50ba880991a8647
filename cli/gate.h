// cli/gate.h: `ravel gate`: a command is run, its processes' logs are read, and there is a verdict.
//
// The way of it: gate_options.c reads the command line; gate.c checks baseline, suppressions and the change before
// anything runs, has gate_run.c run the command (once or often), reads the logs, decides, and writes; gate_table.c
// prints what people read, gate_files.c writes what programs read.
#ifndef CLI_GATE_H
#define CLI_GATE_H

#include "cli/baseline.h"
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/findings.h"
#include "cli/report.h"

#include <sys/types.h>
#include <time.h>

struct gate_options {
    const char *baseline; // NULL: none
    const char *from_rev, *from_base;
    const char *summary_json, *lists, *keep_logs, *suppressions;
    bool update, fail_on_fixed, fail_on_unused;
    uint64_t max_new;
    int repeat, jobs;
    int shard, shards; // shards 0: not asked for
    char **from;       // logs and directories to judge in place of a command; NULL-terminated
    size_t nfrom;
    struct cli_outputs outputs; // --sarif FILE and the like
    const char *source_root, *category;
    const char **maps; // --path-map
    size_t nmaps;
    char **command; // NULL-terminated; NULL: none
};

// One run of the command.
struct gate_run {
    int number;     // from 1
    pid_t pid;      // of the process that we started; 0: not running
    int status;     // as waitpid gave it
    int code;       // its exit code, or 128 + the signal that killed it
    bool explained; // the log says that Ravel ended that process with this code: it counts as 0
    char *logs;     // directory
    char *output;   // file that its output went to; NULL: it went where ours goes
    double seconds;
    struct timespec began;
};

struct gate {
    struct gate_options o;
    struct cli_findings f;
    struct cli_baseline baseline;
    struct cli_changes changes;
    struct gate_run *runs; // o.repeat of them
    int nrun;              // how many have ended
    int nfailed;           // how many of them with a code that counts
    int code;              // the command's own: of the first run that failed, else 0
    int interrupted;       // by this signal; 0: not
    char *place;           // directory of logs and outputs
    bool keep;             // it stays
    char **trouble;        // lines
    size_t ntrouble;
    char **notes; // lines that explain the verdict
    size_t nnotes;
    uint64_t nnew, nknown, nfixed, nunused, nexpired_rules;
    uint64_t shard_tests, all_tests; // of --shard, where the gate chose the tests
    bool empty_shard;                // none of the tests is this shard's
};

// Ends the gate before there is anything to judge: "ravel gate: trouble: ...", code 2, and --summary-json says so, too.
_Noreturn void gate_die(struct gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gate_trouble(struct gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gate_note(struct gate *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// gate_options.c
void gate_read_options(struct gate *g, int argc, char **argv);
// gate_place.c: makes the directories that logs go to; what need not stay of them goes at exit
void gate_place_open(struct gate *g);
// RAVEL_OPTIONS for the command: what the user has set, and then what the gate needs.
char *gate_environment_options(struct gate *g, const char *logs);
// gate_run.c: runs everything; calls ended(g, run) for each run as it ends.
void gate_run_all(struct gate *g, void (*ended)(struct gate *g, struct gate_run *run));
// gate_progress.c: how far it is, on stderr
void gate_progress_start(struct gate *g);
void gate_progress_tick(struct gate *g, bool first_is_running);
void gate_progress_ended(struct gate *g, const struct gate_run *run);
void gate_progress_stop(void);
// gate_shard.c: replaces o.command by one that runs this shard's tests, where it knows how
void gate_shard_select(struct gate *g);
// gate_table.c
void gate_print(struct gate *g);
// How a file is shown: relative to the current directory where it lies below it.
const char *gate_shown_path(const char *path);
// gate_files.c
enum gate_verdict { GATE_CLEAN, GATE_NEW, GATE_FIXED, GATE_UNUSED, GATE_COMMAND, GATE_TROUBLE };
enum gate_verdict gate_verdict(const struct gate *g);
int gate_code(const struct gate *g);
char *gate_last_line(const struct gate *g); // without its newline
bool gate_write_summary(struct gate *g);    // --summary-json; false: errno
bool gate_write_lists(struct gate *g);      // --lists; false: errno, and a trouble was added

#endif
