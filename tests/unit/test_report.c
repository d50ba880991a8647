// Reports made by hand: what is printed, what is merged, what a fingerprint depends on; in text and in JSON.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/flags.h"
#include "detector/print.h"

static char directory[] = "/tmp/ravel-test-XXXXXX";
static char log_file[200];
static char text[1 << 20]; // the log, once it was read

static void start(const char *options)
{
    char all[400];
    cr_assert(mkdtemp(directory));
    snprintf(all, sizeof all, "log_path=%s/log:%s", directory, options);
    snprintf(log_file, sizeof log_file, "%s/log.%d", directory, getpid());
    base_flags_parse(all, "RAVEL_OPTIONS");
    det_report_start();
}
static void stop(void)
{
    unlink(log_file);
    rmdir(directory);
}
static const char *read_log(void)
{
    FILE *f = fopen(log_file, "r");
    text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
    if (f) fclose(f);
    return text;
}
static int occurrences(const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what)) n++;
    return n;
}
#define expect_text(...)                                                                                               \
    do {                                                                                                               \
        char wanted_[500];                                                                                             \
        snprintf(wanted_, sizeof wanted_, __VA_ARGS__);                                                                \
        cr_expect(strstr(text, wanted_) != NULL, "wanted \"%s\" in\n%s", wanted_, text);                               \
    } while (0)

// ---- a program to report on ----------------------------------------------------------------------------------

static struct {
    int first;
    int second[4];
} shared_thing;
static int other_global;
int *volatile keep_globals[] = {&shared_thing.first, &other_global};

static __attribute__((noinline)) uintptr_t here(void) { return (uintptr_t)__builtin_return_address(0); }
enum { WRITER_LINE = __LINE__ + 4, READER_LINE = __LINE__ + 9, ELSEWHERE_LINE = __LINE__ + 14 };
// Each a little different, or the compiler would make them one.
static __attribute__((noinline)) uintptr_t writer(void)
{
    const uintptr_t pc = here(); // the writer's line
    return pc + (uintptr_t)(keep_globals[0] == NULL);
}
static __attribute__((noinline)) uintptr_t reader(void)
{
    const uintptr_t pc = here(); // the reader's line
    return pc + 2 * (uintptr_t)(keep_globals[0] == NULL);
}
static __attribute__((noinline)) uintptr_t elsewhere(void)
{
    const uintptr_t pc = here(); // another line
    return pc + 3 * (uintptr_t)(keep_globals[0] == NULL);
}
static struct det_stack stack_of(uintptr_t a, uintptr_t b)
{
    struct det_stack s = {.n = b ? 2 : 1};
    s.pc[0] = a;
    s.pc[1] = b;
    return s;
}

static struct det_strand_info strands[3];
static struct det_lock_info locks[2];
static struct det_report race(void *addr)
{
    strands[0] = (struct det_strand_info){.id = 0, .tid = 100, .running = true};
    strands[1] = (struct det_strand_info){.id = 1, .tid = 101, .name = "worker \"1\"", .has_parent = true};
    strands[1].created = stack_of(elsewhere(), 0);
    locks[0] = (struct det_lock_info){.id = 7, .addr = 0x7000, .created = stack_of(elsewhere(), 0)};
    locks[1] = (struct det_lock_info){.id = 8, .addr = 0x8000, .created = stack_of(elsewhere(), 0), .destroyed = true};
    struct det_report r = {.kind = DET_REPORT_RACE, .addr = (uintptr_t)addr, .size = 4};
    r.strands = strands, r.nstrands = 2;
    r.locks = locks, r.nlocks = 2;
    r.side[0] = (struct det_side){.strand = 1, .kind = DET_WRITE, .addr = (uintptr_t)addr, .size = 4};
    r.side[0].stack = stack_of(writer(), 0);
    r.side[0].nheld = 2;
    r.side[0].held[0] = (struct det_held){0, false};
    r.side[0].held[1] = (struct det_held){1, true};
    r.side[1] = (struct det_side){.strand = 0, .kind = DET_READ, .addr = (uintptr_t)addr, .size = 4};
    r.side[1].stack = stack_of(reader(), 0);
    return r;
}
static struct det_edge edges[2];
static struct det_report cycle(void)
{
    struct det_report r = race(&other_global);
    r.kind = DET_REPORT_LOCK_CYCLE;
    r.edges = edges, r.nedges = 2;
    edges[0] = (struct det_edge){.from = 0, .to = 1, .strand = 1};
    edges[0].from_stack = edges[1].to_stack = stack_of(writer(), 0);
    edges[0].to_stack = edges[1].from_stack = stack_of(reader(), 0);
    edges[1].from = 1, edges[1].to = 0, edges[1].strand = 0, edges[1].to_read = true;
    return r;
}

// ---- text ----------------------------------------------------------------------------------------------------

Test(report, text, .fini = stop)
{
    start("");
    struct det_report r = race(&shared_thing.second[2]);
    cr_expect(det_report_print(&r));
    cr_expect_eq(det_report_finish(), 1);
    read_log();
    expect_text("==================\nWARNING: Ravel: data race (pid=%d)\n", getpid());
    expect_text("  Write of size 4 at 0x%lx by thread T1 (mutexes: write M7, read M8):\n    #0 writer " __FILE__ ":%d:",
                (unsigned long)r.addr, WRITER_LINE);
    expect_text("  Previous read of size 4 at 0x%lx by main thread:\n    #0 reader " __FILE__ ":%d:",
                (unsigned long)r.addr, READER_LINE);
    expect_text("  Location is global 'shared_thing' of size 20 at 0x%lx (", (unsigned long)&shared_thing);
    expect_text(", here shared_thing.second[2], declared at " __FILE__ ":");
    expect_text("  Mutex M7 (0x7000) created at:\n    #0 elsewhere " __FILE__ ":%d:", ELSEWHERE_LINE);
    expect_text("  Mutex M8 (0x8000, destroyed) created at:\n");
    expect_text("  Thread T1 'worker \"1\"' (tid=101, finished) created by main thread at:\n");
    expect_text("  Hint: only the first side holds a lock: take M7 on the other side too");
    expect_text("\nSUMMARY: Ravel: data race " __FILE__ ":%d:", WRITER_LINE);
    expect_text(" in writer\n==================\nRavel: reported 1 warning\n");
}
Test(report, text_without_findings_leaves_no_file, .fini = stop)
{
    start("");
    cr_expect_eq(det_report_finish(), 0);
    cr_expect_neq(access(log_file, F_OK), 0);
}
Test(report, color, .fini = stop)
{
    start("color=always");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    read_log();
    expect_text("\033[1m\033[31mWARNING: Ravel: data race");
    expect_text("\033[0m\n");
}
Test(report, options_of_the_text, .fini = stop)
{
    start("print_summary=0:strip_path_prefix=tests/unit/");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    read_log();
    cr_expect_eq(occurrences("SUMMARY"), 0);
    expect_text("    #0 writer test_report.c:%d:", WRITER_LINE);
}
Test(report, freed_memory, .fini = stop)
{
    start("");
    struct det_report r = race(&other_global);
    r.kind = DET_REPORT_FREE_RACE;
    r.side[1].kind = DET_WRITE;
    r.side[1].origin = DET_BY_FREE;
    r.location = (struct det_location){DET_WHERE_HEAP, 0x5000, 64, 0, true, stack_of(elsewhere(), 0)};
    cr_expect(det_report_print(&r));
    read_log();
    expect_text("WARNING: Ravel: heap-use-after-free (pid=");
    expect_text("  Previous write of size 4 at 0x%lx by main thread:\n    #0 free <null>\n    #1 reader ",
                (unsigned long)r.addr);
    expect_text("  Location is heap block of size 64 at 0x5000 allocated by main thread:\n    #0 elsewhere ");
}
Test(report, lock_order, .fini = stop)
{
    start("");
    struct det_report r = cycle();
    cr_expect(det_report_print(&r));
    read_log();
    expect_text("WARNING: Ravel: lock-order-inversion (potential deadlock) (pid=");
    expect_text("  Cycle in lock order graph: M7 (0x7000) => M8 (0x8000) => M7\n\n");
    expect_text("  Mutex M8 acquired here while holding mutex M7 in thread T1:\n    #0 reader ");
    expect_text("  Mutex M7 previously acquired by the same thread here:\n    #0 writer ");
    expect_text("  Mutex M7 acquired here while holding mutex M8 in main thread (read M7, write M8):\n    #0 writer ");
    expect_text("SUMMARY: Ravel: lock-order-inversion (potential deadlock) " __FILE__ ":%d", READER_LINE);
}

// The last synchronisation before a side is a line of its own after the stack: readers of ThreadSanitizer's reports pass
// over it.
Test(report, last_synchronisation, .fini = stop)
{
    start("");
    struct det_report r = race(&other_global);
    r.side[0].last_sync = (struct det_last_sync){.what = DET_SYNC_UNLOCK, .of = DET_SYNC_OF_LOCK, .index = 1};
    r.side[0].last_sync.stack = stack_of(elsewhere(), reader());
    r.side[1].last_sync = (struct det_last_sync){.what = DET_SYNC_START, .or_later = true};
    det_report_print(&r);
    read_log();
    expect_text(")\n    (last synchronisation: unlocked M8 at " __FILE__ ":%d:", ELSEWHERE_LINE);
    expect_text(" in elsewhere)\n\n  Previous read ");
    expect_text(")\n    (last synchronisation: its start, or a later one)\n\n");
}
Test(report, last_synchronisations_of_every_kind, .fini = stop)
{
    start("suppress_equal_stacks=0:symbolize=0");
    struct det_report r = race(&other_global);
    struct det_last_sync *l = &r.side[0].last_sync;
    for (int what = DET_SYNC_START; what < DET_SYNC_KINDS; what++) {
        *l = (struct det_last_sync){.what = (enum det_sync_what)what};
        det_report_print(&r);
    }
    *l = (struct det_last_sync){.what = DET_SYNC_JOIN, .of = DET_SYNC_OF_STRAND, .index = 1};
    det_report_print(&r);
    *l = (struct det_last_sync){.what = DET_SYNC_ACQUIRE, .of = DET_SYNC_OF_ADDRESS, .addr = 0x1234};
    det_report_print(&r);
    *l = (struct det_last_sync){.what = DET_SYNC_RELOCK, .of = DET_SYNC_OF_LOCK};
    det_report_print(&r);
    l->what = DET_SYNC_UNKNOWN;
    det_report_print(&r);
    read_log();
    cr_expect_eq(occurrences("(last synchronisation: "), DET_SYNC_KINDS - 1 + 3);
    cr_expect_eq(occurrences("(null)"), 0, "every kind has its words");
    expect_text("(last synchronisation: locked a mutex that is gone)");
    expect_text("(last synchronisation: joined thread T1)");
    expect_text("(last synchronisation: acquired 0x1234)");
    expect_text("(last synchronisation: locked M7 after a condition wait)");
    expect_text("(last synchronisation: atomic fence)");
}

// ---- what is one bug -----------------------------------------------------------------------------------------

Test(report, repeats_are_counted_not_printed, .fini = stop)
{
    start("stats=1");
    struct det_report r = race(&other_global);
    cr_expect(det_report_print(&r));
    for (int i = 0; i < 9; i++) cr_expect_not(det_report_print(&r));
    r.side[0].stack = stack_of(writer(), elsewhere()); // the same pcs, met by another path
    cr_expect_not(det_report_print(&r));
    cr_expect_eq(det_report_finish(), 1);
    read_log();
    cr_expect_eq(occurrences("WARNING"), 1);
    expect_text("was met 11 times, by 2 paths\n");
}
Test(report, every_repeat_on_request, .fini = stop)
{
    start("suppress_equal_stacks=0");
    struct det_report r = race(&other_global);
    for (int i = 0; i < 3; i++) cr_expect(det_report_print(&r));
    cr_expect_eq(det_report_finish(), 1, "they are one bug all the same");
    read_log();
    cr_expect_eq(occurrences("WARNING"), 3);
}
Test(report, sides_may_swap, .fini = stop)
{
    start("");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    const struct det_side side = r.side[0];
    r.side[0] = r.side[1];
    r.side[1] = side;
    cr_expect_not(det_report_print(&r));
}
Test(report, elements_of_one_array_are_one_object, .fini = stop)
{
    start("");
    struct det_report r = race(&shared_thing.second[0]);
    det_report_print(&r);
    r.addr = (uintptr_t)&shared_thing.second[3];
    cr_expect_not(det_report_print(&r));
}
Test(report, another_object_or_line_is_another_bug, .fini = stop)
{
    start("");
    struct det_report r = race(&shared_thing.first);
    cr_expect(det_report_print(&r));
    r = race(&other_global);
    cr_expect(det_report_print(&r), "another global");
    r.side[1].stack = stack_of(elsewhere(), 0);
    cr_expect(det_report_print(&r), "another line");
    r = cycle();
    cr_expect(det_report_print(&r), "another kind");
    cr_expect_eq(det_report_finish(), 4);
}
Test(report, a_cycle_may_be_entered_anywhere, .fini = stop)
{
    start("");
    struct det_report r = cycle();
    cr_expect(det_report_print(&r));
    const struct det_edge edge = edges[0];
    edges[0] = edges[1];
    edges[1] = edge;
    cr_expect_not(det_report_print(&r));
}
Test(report, nothing_after_the_end, .fini = stop)
{
    start("");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    cr_expect_eq(det_report_finish(), 1);
    r = race(&shared_thing.first);
    cr_expect_not(det_report_print(&r));
    cr_expect_eq(det_report_finish(), 1);
    read_log();
    cr_expect_eq(occurrences("reported 1 warning"), 1);
}

// ---- JSON ----------------------------------------------------------------------------------------------------

static struct json_object *line(int n)
{
    read_log();
    char *p = text;
    while (n--) p = strchr(p, '\n') + 1;
    char *const end = strchr(p, '\n');
    cr_assert(end, "a line ends");
    *end = 0;
    struct json_object *o = json_tokener_parse(p);
    cr_assert(o, "not JSON: %s", p);
    return o;
}
static struct json_object *at(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;
    cr_assert(json_object_object_get_ex(o, name, &v), "no member %s in %s", name, json_object_to_json_string(o));
    return v;
}
static const char *text_at(struct json_object *o, const char *name) { return json_object_get_string(at(o, name)); }
static int number_at(struct json_object *o, const char *name) { return json_object_get_int(at(o, name)); }
static struct json_object *item(struct json_object *o, const char *name, size_t i)
{
    struct json_object *v = json_object_array_get_idx(at(o, name), i);
    cr_assert(v, "no item %zu in %s", i, name);
    return v;
}

Test(report, json, .fini = stop)
{
    start("report_format=json");
    struct det_report r = race(&shared_thing.second[2]);
    cr_expect(det_report_print(&r));
    cr_expect_eq(det_report_finish(), 1);

    struct json_object *process = line(0), *report = line(1), *summary = line(2);
    cr_expect_str_eq(text_at(process, "type"), "process");
    cr_expect_eq(number_at(process, "v"), 1);
    cr_expect_eq(number_at(process, "pid"), getpid());
    cr_expect_eq(strlen(text_at(process, "time")), strlen("2026-01-01T00:00:00.000Z"));
    cr_expect_eq(number_at(process, "ppid"), getppid());
    cr_expect_gt(json_object_array_length(at(process, "command")), 0);

    cr_expect_str_eq(text_at(report, "type"), "report");
    cr_expect_str_eq(text_at(report, "kind"), "data-race");
    cr_expect_eq(strlen(text_at(report, "fingerprint")), 16);
    struct json_object *side = item(report, "sides", 0), *frame = item(side, "stack", 0);
    cr_expect_str_eq(text_at(side, "access"), "write");
    cr_expect_eq(number_at(side, "strand"), 1);
    cr_expect_eq(number_at(item(side, "locks", 1), "lock"), 8);
    cr_expect_str_eq(text_at(item(side, "locks", 1), "mode"), "read");
    cr_expect_str_eq(text_at(frame, "function"), "writer");
    cr_expect_str_eq(text_at(frame, "file"), __FILE__);
    cr_expect_eq(number_at(frame, "line"), WRITER_LINE);
    cr_expect_str_eq(text_at(at(report, "location"), "name"), "shared_thing");
    cr_expect_str_eq(text_at(at(report, "location"), "member"), ".second[2]");
    cr_expect_str_eq(text_at(item(report, "strands", 1), "name"), "worker \"1\"");
    cr_expect_eq(number_at(item(report, "locks", 0), "id"), 7);

    cr_expect_str_eq(text_at(summary, "type"), "summary");
    cr_expect_eq(number_at(summary, "reports"), 1);
    cr_expect_eq(number_at(summary, "findings"), 1);
    cr_expect_str_eq(text_at(item(summary, "bugs", 0), "fingerprint"), text_at(report, "fingerprint"));
}
Test(report, json_last_synchronisation, .fini = stop)
{
    start("report_format=json:suppress_equal_stacks=0");
    struct det_report r = race(&other_global);
    struct det_last_sync *l = &r.side[0].last_sync;
    *l = (struct det_last_sync){.what = DET_SYNC_READ_LOCK, .of = DET_SYNC_OF_LOCK, .index = 1};
    l->stack = stack_of(elsewhere(), reader());
    r.side[1].last_sync = (struct det_last_sync){.what = DET_SYNC_CREATE, .of = DET_SYNC_OF_STRAND, .index = 1};
    r.side[1].last_sync.or_later = true;
    det_report_print(&r);
    struct json_object *sync = at(item(line(1), "sides", 0), "last_sync");
    cr_expect_str_eq(text_at(sync, "what"), "read-lock");
    cr_expect_eq(number_at(sync, "lock"), 8);
    cr_expect_str_eq(text_at(item(sync, "stack", 0), "function"), "elsewhere");
    cr_expect_str_eq(text_at(item(sync, "stack", 1), "function"), "reader");
    cr_expect_not(json_object_object_get_ex(sync, "or_later", NULL));
    sync = at(item(line(1), "sides", 1), "last_sync");
    cr_expect_str_eq(text_at(sync, "what"), "create");
    cr_expect_eq(number_at(sync, "strand"), 1);
    cr_expect(json_object_get_boolean(at(sync, "or_later")));
    cr_expect_eq(json_object_array_length(at(sync, "stack")), 0);

    *l = (struct det_last_sync){.what = DET_SYNC_RELEASE, .of = DET_SYNC_OF_ADDRESS, .addr = 0x1234};
    r.side[1].last_sync.what = DET_SYNC_UNKNOWN;
    det_report_print(&r);
    sync = at(item(line(2), "sides", 0), "last_sync");
    cr_expect_str_eq(text_at(sync, "address"), "0x1234");
    cr_expect_not(json_object_object_get_ex(item(line(2), "sides", 1), "last_sync", NULL), "not known");
    for (int what = DET_SYNC_START; what < DET_SYNC_KINDS; what++) {
        *l = (struct det_last_sync){.what = (enum det_sync_what)what};
        det_report_print(&r);
        sync = at(item(line(2 + what), "sides", 0), "last_sync");
        cr_expect_neq(strlen(text_at(sync, "what")), 0);
    }
}
Test(report, json_lock_order, .fini = stop)
{
    start("report_format=json");
    struct det_report r = cycle();
    det_report_print(&r);
    struct json_object *report = line(1), *edge = item(report, "edges", 1);
    cr_expect_str_eq(text_at(report, "kind"), "lock-order-inversion");
    cr_expect_str_eq(text_at(report, "class"), "feasible");
    cr_expect_eq(number_at(edge, "from"), 8);
    cr_expect_str_eq(text_at(edge, "to_mode"), "read");
    cr_expect_str_eq(text_at(item(edge, "to_stack", 0), "function"), "writer");
}
Test(report, json_of_any_bytes, .fini = stop)
{
    start("report_format=json");
    struct det_report r = race(&other_global);
    strcpy(strands[1].name, "\"\\\n\t\x01\x7f\xff\xc3(\xe2\x82\xac\xc3\xa9");
    det_report_print(&r);
    struct json_object *report = line(1);
    cr_expect_str_eq(text_at(item(report, "strands", 1), "name"),
                     "\"\\\n\t\x01\x7f\xef\xbf\xbd\xef\xbf\xbd(\xe2\x82\xac\xc3\xa9");
}
// The same bug has the same fingerprint in another run, wherever the program was loaded.
Test(report, fingerprint_is_of_lines_and_names, .fini = stop)
{
    start("report_format=json");
    struct det_report r = race(&shared_thing.second[2]);
    det_report_print(&r);
    char first[20];
    snprintf(first, sizeof first, "%s", text_at(line(1), "fingerprint"));
    det_report_forked(); // forgets what was reported
    r = race(&shared_thing.first);
    r.side[0].addr = r.side[1].addr = 1;
    strands[1].tid = 999;
    cr_expect(det_report_print(&r));
    cr_expect_str_eq(text_at(line(3), "fingerprint"), first);
}

// ---- trouble -------------------------------------------------------------------------------------------------

static char *run_with_stderr(void (*body)(void))
{
    static char said[1 << 16];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const int saved = dup(2);
    dup2(ends[1], 2);
    body();
    dup2(saved, 2);
    close(saved);
    close(ends[1]);
    size_t n = 0;
    for (ssize_t k; (k = read(ends[0], said + n, sizeof said - 1 - n)) > 0;) n += (size_t)k;
    said[n] = 0;
    close(ends[0]);
    return said;
}
static void report_to_nowhere(void)
{
    base_flags_parse("log_path=/nonexistent/directory/log", "RAVEL_OPTIONS");
    det_report_start();
    struct det_report r = race(&other_global);
    det_report_print(&r);
}
Test(report, unwritable_log)
{
    const char *said = run_with_stderr(report_to_nowhere);
    cr_expect(strstr(said, "ravel: cannot write log_path /nonexistent/directory/log.") == said, "%s", said);
    cr_expect(strstr(said, "WARNING: Ravel: data race"), "%s", said);
    cr_expect_eq(base_flags_trouble(), 1);
}
static void without_names(void)
{
    base_flags_parse("symbolize=0", "RAVEL_OPTIONS");
    det_report_start();
    struct det_report r = race(&other_global);
    det_report_print(&r);
    det_report_finish();
}
Test(report, without_names)
{
    const char *said = run_with_stderr(without_names);
    cr_expect(strstr(said, "    #0 <null> <null> ("), "%s", said);
    cr_expect(strstr(said, "SUMMARY: Ravel: data race ("), "%s", said);
}

// ---- the symboliser as a process -----------------------------------------------------------------------------

// The program must not see it: no child to wait for, no descriptor below the high ones, nothing left at the end.
Test(report, the_symboliser_is_nobodys_child, .fini = stop)
{
    const int before = dup(0);
    close(before);
    start("");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    read_log();
    expect_text("#0 writer "); // it did run
    int status;
    cr_expect_eq(waitpid(-1, &status, WNOHANG), -1);
    cr_expect_eq(errno, ECHILD);
    const int after = dup(0);
    cr_expect_eq(after, before);
    det_report_finish();
    cr_expect_eq(waitpid(-1, &status, WNOHANG | __WALL), -1, "and it was reaped");
    cr_expect_eq(errno, ECHILD);
}
// A program that closes every descriptor it sees still gets its reports.
Test(report, all_descriptors_closed, .fini = stop)
{
    start("");
    struct det_report r = race(&other_global);
    det_report_print(&r);
    for (int fd = 900; fd < 1024; fd++) close(fd);       // the test runner keeps its own, which are low
    for (int i = 0; i < 50; i++) fcntl(0, F_DUPFD, 900); // our numbers are somebody else's now
    r = race(&shared_thing.first);
    cr_expect(det_report_print(&r));
    read_log();
    cr_expect_eq(occurrences("#0 writer " __FILE__), 2);
}

// ---- suppressions --------------------------------------------------------------------------------------------

Test(suppress, patterns)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"foo", "foo", true},
        {"foo", "a_foo_b", true},
        {"foo", "fo", false},
        {"^foo", "foo_b", true},
        {"^foo", "a_foo", false},
        {"foo$", "a_foo", true},
        {"foo$", "foo_b", false},
        {"^foo$", "foo", true},
        {"^foo$", "foofoo", false},
        {"f*o", "xfabcoy", true},
        {"^f*o$", "fabco", true},
        {"^f*o$", "fabcoy", false},
        {"a*b*c", "abc", true},
        {"a*b*c", "acb", false},
        {"^a*b$", "a_b_b", true},
        {"*", "", true},
        {"a", "", false},
        {"$", "x", true},
        {"^*lib*.so", "/x/libz.so.1", true},
        {"a**b", "ab", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(det_suppress_match(cases[i].pattern, cases[i].text), cases[i].matches, "'%s' in '%s'",
                     cases[i].pattern, cases[i].text);
    cr_expect_not(det_suppress_match("foo", NULL));
}
static char rules_file[200];
static void start_with_rules(const char *rules)
{
    char options[300];
    snprintf(rules_file, sizeof rules_file, "/tmp/ravel-rules-%d", getpid());
    FILE *f = fopen(rules_file, "w");
    fputs(rules, f);
    fclose(f);
    snprintf(options, sizeof options, "suppressions=%s", rules_file);
    start(options);
    unlink(rules_file);
}
static bool suppressed(struct det_report r) { return !det_report_print(&r); }
Test(suppress, race_by_any_frame, .fini = stop)
{
    start_with_rules("# a comment\n\n  race:^elsewhere$  \n");
    struct det_report r = race(&other_global);
    cr_expect_not(suppressed(r));
    r = race(&shared_thing.first);
    r.side[1].stack = stack_of(reader(), elsewhere());
    cr_expect(suppressed(r));
    cr_expect(suppressed(r), "again");
    r.side[1].stack = stack_of(reader(), writer());
    cr_expect_not(suppressed(r), "another path to the same accesses");
    r = cycle();
    edges[0].to_stack = stack_of(elsewhere(), 0);
    cr_expect_not(suppressed(r), "a cycle is no race");
    cr_expect_eq(det_report_finish(), 3);
}
Test(suppress, race_by_the_top_frame, .fini = stop)
{
    start_with_rules("race_top:elsewhere\n");
    struct det_report r = race(&other_global);
    r.side[1].stack = stack_of(reader(), elsewhere());
    cr_expect_not(suppressed(r));
    r.side[1].stack = stack_of(elsewhere(), reader());
    cr_expect(suppressed(r));
}
Test(suppress, by_file_and_by_global, .fini = stop)
{
    start_with_rules("race:shared_thing\ndeadlock:unit/test_rep*.c\n");
    cr_expect(suppressed(race(&shared_thing.first)));
    cr_expect_not(suppressed(race(&other_global)));
    cr_expect(suppressed(cycle()));
    cr_expect_eq(det_report_finish(), 1);
}
static void start_with_bad_rules(void) { start_with_rules("race:ok\nrice:foo\nrace:\nsignal:x"); }
Test(suppress, bad_lines, .fini = stop)
{
    const char *said = run_with_stderr(start_with_bad_rules);
    cr_expect(strstr(said, ":2: 'rice:foo' is no suppression"), "%s", said);
    cr_expect(strstr(said, ":3: 'race:' is no suppression"), "%s", said);
    cr_expect_eq(base_flags_trouble(), 2);
}
static void start_without_the_file(void) { start("suppressions=/nonexistent/rules"); }
Test(suppress, unreadable_file, .fini = stop)
{
    const char *said = run_with_stderr(start_without_the_file);
    cr_expect(strstr(said, "ravel: suppressions: cannot read /nonexistent/rules") == said, "%s", said);
    cr_expect_eq(base_flags_trouble(), 1);
}
