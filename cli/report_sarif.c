// report_sarif.c: SARIF 2.1.0, for GitHub code scanning, GitLab, Azure, and editors.
//
// A race is one result with one code flow of two thread flows, one per side: where its thread was created, its last
// synchronisation where the log has it, then the stack from the outermost frame to the access. A lock-order inversion has one
// thread flow per edge: where the first lock was taken, then the second. Everything else that a report points at is a
// related location.
//
// GitHub's limits are kept here: 25,000 results (new ones first; the rest is counted in a notification), 1,000
// locations of a result, 10,000 locations in its thread flows. It wants a physical location for every result, so
// one without debug information is at line 1 of its module. What tells that two results are the same is
// partialFingerprints.primaryLocationLineHash, which here is the finding's fingerprint.
//
// Results are printed one by one: a document of 25,000 of them need not fit into memory.
#include "cli/report.h"

#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS_MAX = 25000, LOCATIONS_MAX = 1000, FLOW_LOCATIONS_MAX = 10000 };

static json_object *text(const char *s) { return json_object_new_string(s); }
static json_object *object(void) { return json_object_new_object(); }
static json_object *array(void) { return json_object_new_array(); }
static void add(json_object *o, const char *name, json_object *x) { json_object_object_add(o, name, x); }
static json_object *message(const char *s)
{
    json_object *const m = object();
    add(m, "text", text(s));
    return m;
}
static void print(FILE *out, json_object *j)
{
    fputs(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), out);
    json_object_put(j);
}

// ---- locations ---------------------------------------------------------------------------------------------------

static const char *percent(const char *path)
{
    char *const uri = cli_scratch_alloc(3 * strlen(path) + 1), *p = uri;
    for (; *path; path++) {
        const bool plain = strchr("/-._~", *path) || (*path >= '0' && *path <= '9') || (*path >= 'a' && *path <= 'z') ||
                           (*path >= 'A' && *path <= 'Z');
        if (plain)
            *p++ = *path;
        else
            p += sprintf(p, "%%%02X", (unsigned char)*path);
    }
    return uri;
}
static json_object *artifact(const char *path, const struct cli_report_options *o)
{
    json_object *const a = object();
    const char *const relative = cli_path_relative(o, path), *const here = cli_path_here(o, path);
    add(a, "uri",
        text(relative ? percent(relative) : cli_scratch("%s%s", *here == '/' ? "file://" : "", percent(here))));
    if (relative) add(a, "uriBaseId", text("SRCROOT"));
    return a;
}
static json_object *physical(const char *file, int64_t line, int64_t column, const struct cli_report_options *o)
{
    json_object *const p = object(), *const region = object();
    add(p, "artifactLocation", artifact(file, o));
    add(region, "startLine", json_object_new_int64(line > 0 ? line : 1));
    if (line > 0 && column > 0) add(region, "startColumn", json_object_new_int64(column));
    add(p, "region", region);
    return p;
}
static json_object *logical(const char *function)
{
    json_object *const list = array(), *const l = object();
    add(l, "name", text(function));
    add(l, "kind", text("function"));
    json_object_array_add(list, l);
    return list;
}
static json_object *frame_location(const json_object *frame, const char *say, const struct cli_report_options *o)
{
    json_object *const l = object();
    const char *const file = cli_json_text(frame, "file"), *const function = cli_json_text(frame, "function");
    const char *const module = cli_json_text(frame, "module");
    if (file && *file)
        add(l, "physicalLocation", physical(file, cli_json_int(frame, "line", 0), cli_json_int(frame, "column", 0), o));
    else if (module && *module)
        add(l, "physicalLocation", physical(module, 0, 0, o));
    if (function) add(l, "logicalLocations", logical(function));
    add(l, "message", message(say));
    return l;
}
static json_object *place_location(const struct cli_finding *x, const struct cli_report_options *o)
{
    const struct cli_place *const p = &x->place[0];
    const char *const otherwise = x->programs && *x->programs->text ? x->programs->text : "unknown";
    json_object *const l = object();
    add(l, "physicalLocation", physical(p->file && *p->file ? p->file : otherwise, p->line, p->column, o));
    if (p->function) add(l, "logicalLocations", logical(p->function));
    return l;
}

// ---- thread flows ------------------------------------------------------------------------------------------------

struct flow {
    json_object *locations;
    size_t left; // of the limit
    const struct cli_report_options *o;
};
static void step(struct flow *f, const json_object *frame, const char *say, bool essential)
{
    if (f->left == 0) return;
    f->left--;
    json_object *const l = object();
    add(l, "location", frame_location(frame, say, f->o));
    add(l, "importance", text(essential ? "essential" : "important"));
    json_object_array_add(f->locations, l);
}
// From the outermost frame to the innermost, which is what happened. A stack that is too long loses its outer part.
static void steps(struct flow *f, const struct cli_stack *s, bool essential)
{
    const size_t n = cli_frames(s);
    for (size_t i = n < f->left ? n : f->left; i-- > 0;) {
        const json_object *const frame = cli_frame(s, i);
        step(f, frame, i ? cli_scratch("calls from %s", cli_say_frame(frame, f->o)) : s->caption, essential && i == 0);
    }
}
static const struct cli_stack *made(const struct cli_stack *v, size_t n, int64_t strand)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].role == CLI_STRAND_MADE && v[i].strand == strand && cli_frames(&v[i])) return &v[i];
    return NULL;
}
// One side of a race, or one edge of a cycle: the stack v[i] and the one after it, where that leads up to it.
static json_object *thread_flow(const struct cli_stack *v, size_t n, size_t i, size_t most, const json_object *report,
                                const struct cli_report_options *o)
{
    const struct cli_stack *const before =
        i + 1 < n && (v[i + 1].role == CLI_SYNC || v[i + 1].role == CLI_HELD) && v[i + 1].of == v[i].of ? &v[i + 1]
                                                                                                        : NULL;
    const struct cli_stack *const birth = made(v, n, v[i].strand);
    struct flow f = {.locations = array(), .left = most, .o = o};
    if (birth) step(&f, cli_frame(birth, 0), birth->caption, false);
    if (before && cli_frames(before)) step(&f, cli_frame(before, 0), before->caption, false);
    steps(&f, &v[i], true);
    if (cli_frames(&v[i]) == 0) step(&f, NULL, v[i].caption, true);
    json_object *const t = object();
    add(t, "id", text(cli_scratch("%s %zu", cli_say_strand_short(report, v[i].strand), v[i].of)));
    add(t, "message", message(cli_say_strand(report, v[i].strand)));
    add(t, "locations", f.locations);
    return t;
}
static void add_code_flows(json_object *result, const struct cli_stack *v, size_t n, const json_object *report,
                           const struct cli_report_options *o)
{
    json_object *const flows = array();
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += v[i].role == CLI_SIDE || v[i].role == CLI_WANTED;
    for (size_t i = 0; i < n; i++)
        if ((v[i].role == CLI_SIDE || v[i].role == CLI_WANTED) && count <= FLOW_LOCATIONS_MAX)
            json_object_array_add(flows, thread_flow(v, n, i, FLOW_LOCATIONS_MAX / count, report, o));
    if (json_object_array_length(flows) == 0) {
        json_object_put(flows);
        return;
    }
    json_object *const flow = object(), *const list = array();
    add(flow, "threadFlows", flows);
    json_object_array_add(list, flow);
    add(result, "codeFlows", list);
}

// The innermost frame of every stack but that of the primary location.
static void add_related(json_object *result, const struct cli_stack *v, size_t n, const struct cli_report_options *o)
{
    json_object *const list = array();
    for (size_t i = 0; i < n; i++) {
        const json_object *const with_file = cli_frame_with_file(&v[i]);
        const json_object *const frame = with_file ? with_file : cli_frame(&v[i], 0);
        const bool primary = v[i].of == 0 && (v[i].role == CLI_SIDE || v[i].role == CLI_WANTED);
        if (!frame || primary || json_object_array_length(list) + 1 >= LOCATIONS_MAX) continue;
        json_object *const l = frame_location(frame, v[i].caption, o);
        add(l, "id", json_object_new_int64((int64_t)json_object_array_length(list) + 1));
        json_object_array_add(list, l);
    }
    add(result, "relatedLocations", list);
}

// ---- results -----------------------------------------------------------------------------------------------------

static const char *baseline_state(enum cli_state s)
{
    return s == CLI_NEW ? "new" : s == CLI_FIXED ? "absent" : "unchanged";
}
static void add_suppressions(json_object *result, const struct cli_finding *x)
{
    json_object *const list = array();
    if (x->state == CLI_SUPPRESSED) {
        json_object *const s = object();
        add(s, "kind", text("external"));
        if (x->reason) add(s, "justification", text(x->reason));
        json_object_array_add(list, s);
    }
    add(result, "suppressions", list); // in every result or in none, says the standard
}
static void add_properties(json_object *result, const struct cli_finding *x, const json_object *report)
{
    json_object *const p = object(), *const tests = array(), *const programs = array();
    unsigned i = 0;
    for (const struct cli_name *t = x->tests; t && i < 100; t = t->hh.next, i++)
        json_object_array_add(tests, text(t->text));
    i = 0;
    for (const struct cli_name *t = x->programs; t && i < 100; t = t->hh.next, i++)
        json_object_array_add(programs, text(t->text));
    add(p, "hits", json_object_new_uint64(x->hits));
    add(p, "paths", json_object_new_uint64(x->paths));
    add(p, "processes", json_object_new_uint64(x->processes));
    add(p, "runs", json_object_new_uint64(x->runs));
    if (x->object) add(p, "object", text(x->object));
    if (cli_json_text(report, "sched")) add(p, "sched", text(cli_json_text(report, "sched")));
    add(p, "tests", tests);
    add(p, "programs", programs);
    add(result, "properties", p);
}
static const char *long_message(const struct cli_finding *x, const json_object *report,
                                const struct cli_report_options *o)
{
    const char *const hint = cli_say_hint(report), *const say = cli_say_message(x, report, o);
    return hint ? cli_scratch("%s.\nHint: %s.", say, hint) : cli_scratch("%s.", say);
}
static json_object *result_of(const struct cli_finding *x, size_t rule, const json_object *report,
                              const struct cli_report_options *o)
{
    json_object *const r = object(), *const locations = array(), *const hash = object();
    size_t n;
    const struct cli_stack *const v = cli_report_stacks(report, &n);
    add(r, "ruleId", text(x->kind ? x->kind : "unknown"));
    add(r, "ruleIndex", json_object_new_int64((int64_t)rule));
    add(r, "level", text(x->state == CLI_NEW ? "error" : "note"));
    add(r, "message", message(long_message(x, report, o)));
    json_object_array_add(locations, place_location(x, o));
    add(r, "locations", locations);
    add_related(r, v, n, o);
    add_code_flows(r, v, n, report, o);
    add(hash, "primaryLocationLineHash", text(cli_scratch("%s:1", x->fingerprint)));
    add(r, "partialFingerprints", hash);
    add(r, "baselineState", text(baseline_state(x->state)));
    add_suppressions(r, x);
    add_properties(r, x, report);
    return r;
}

// ---- rules -------------------------------------------------------------------------------------------------------

struct rule {
    const char *kind, *name, *brief, *help;
};
static const struct rule known_rules[] = {
    {"data-race", "DataRace", "Two threads touch the same bytes, one of them writes, and nothing orders them.",
     "The compiler and the processor may assume that this does not happen, so the program may read torn, stale or"
     " impossible values. Guard both sides with the same mutex, make both accesses atomic, or order them: join the"
     " thread, wait on a condition variable or a semaphore. Both stacks are in the report; the thread flows show "
     "them."},
    {"heap-use-after-free", "HeapUseAfterFree",
     "A thread uses a heap block and another one frees it, and nothing orders the two.",
     "In this run or in another one the block is used after it was freed. Make sure that every thread is done with the"
     " block before it is freed: join the threads, or count references under a lock or with atomics."},
    {"lock-order-inversion", "LockOrderInversion", "Locks are taken in different orders: the threads can deadlock.",
     "Each thread holds the lock that the next one wants. With another schedule all of them wait for ever. Take these"
     " locks in one order everywhere, or hold a common lock around both."},
};
static struct rule rule_of(const char *kind)
{
    for (size_t i = 0; i < sizeof known_rules / sizeof *known_rules; i++)
        if (strcmp(kind, known_rules[i].kind) == 0) return known_rules[i];
    return (struct rule){kind, kind, kind, "A finding of Ravel's. The report tells where and how."};
}
static json_object *rule_object(const char *kind)
{
    const struct rule r = rule_of(kind);
    json_object *const j = object(), *const level = object(), *const properties = object(), *const tags = array();
    add(j, "id", text(kind));
    add(j, "name", text(r.name));
    add(j, "shortDescription", message(cli_scratch("%.1000s", r.brief)));
    add(j, "fullDescription", message(cli_scratch("%.1000s", r.brief)));
    add(j, "help", message(r.help));
    add(level, "level", text("error"));
    add(j, "defaultConfiguration", level);
    json_object_array_add(tags, text("correctness"));
    json_object_array_add(tags, text("concurrency"));
    add(properties, "tags", tags);
    add(properties, "precision", text("very-high"));
    add(properties, "problem.severity", text("error"));
    add(j, "properties", properties);
    return j;
}
// The kinds there are, each with its index as count.
static struct cli_name *kinds_of(struct cli_finding *const *v, size_t n)
{
    struct cli_name *kinds = NULL;
    for (size_t i = 0; i < n; i++) cli_name_count(&kinds, v[i]->kind ? v[i]->kind : "unknown");
    uint64_t index = 0;
    for (struct cli_name *k = kinds; k; k = k->hh.next) k->count = index++;
    return kinds;
}
static size_t index_of(struct cli_name *kinds, const struct cli_finding *x)
{
    const char *const kind = x->kind ? x->kind : "unknown";
    struct cli_name *k;
    HASH_FIND_STR(kinds, kind, k);
    return k ? (size_t)k->count : 0;
}

// ---- the document ------------------------------------------------------------------------------------------------

static void put_driver(FILE *out, const struct cli_name *kinds)
{
    fputs("\"tool\": {\"driver\": {\"name\": \"Ravel\", \"semanticVersion\": \"" RAVEL_VERSION "\", \"rules\": [", out);
    for (const struct cli_name *k = kinds; k; k = k->hh.next) {
        fputs(k == kinds ? "\n" : ",\n", out);
        print(out, rule_object(k->text));
    }
    fputs("\n]}},\n", out);
}
static void put_invocation(FILE *out, const struct cli_findings *f, size_t left_out)
{
    json_object *const list = array();
    const char *remark;
    for (int i = 0; (remark = cli_report_remark(f, i)) || left_out; i++) {
        json_object *const n = object();
        add(n, "level", text("warning"));
        if (remark) {
            add(n, "message", message(remark));
        } else {
            add(n, "message",
                message(
                    cli_scratch("%zu more findings are left out: GitHub takes %d results.", left_out, RESULTS_MAX)));
            left_out = 0;
        }
        json_object_array_add(list, n);
    }
    json_object *const invocation = object(), *const all = array();
    add(invocation, "executionSuccessful", json_object_new_boolean(f->processes > 0));
    add(invocation, "toolExecutionNotifications", list);
    json_object_array_add(all, invocation);
    fputs("\"invocations\": ", out);
    print(out, all);
    fputs(",\n", out);
}
static void put_where(FILE *out, const struct cli_report_options *o)
{
    json_object *const details = object(), *const bases = object(), *const root = object();
    add(details, "id", text(cli_scratch("%s/", o->category)));
    fputs("\"automationDetails\": ", out);
    print(out, details);
    const bool slash = strcmp(o->source_root, "/") == 0;
    add(root, "uri", text(cli_scratch("file://%s%s", percent(o->source_root), slash ? "" : "/")));
    add(bases, "SRCROOT", root);
    fputs(",\n\"originalUriBaseIds\": ", out);
    print(out, bases);
    fputs(",\n", out);
}
static void free_kinds(struct cli_name *kinds)
{
    struct cli_findings owner = {0};
    struct cli_finding *const x = cli_findings_add(&owner, "");
    x->tests = kinds;
    cli_findings_free(&owner);
}

void cli_write_sarif(FILE *out, struct cli_findings *f, const struct cli_report_options *o)
{
    size_t n;
    struct cli_finding **const v = cli_report_order(f, &n);
    const size_t shown = n < RESULTS_MAX ? n : RESULTS_MAX;
    struct cli_name *const kinds = kinds_of(v, shown);
    fputs("{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\", \"runs\": [{\n",
          out);
    put_driver(out, kinds);
    put_where(out, o);
    put_invocation(out, f, n - shown);
    fputs("\"results\": [", out);
    for (size_t i = 0; i < shown; i++) {
        json_object *const report = cli_finding_report(f, v[i]);
        fputs(i ? ",\n" : "\n", out);
        print(out, result_of(v[i], index_of(kinds, v[i]), report, o));
        json_object_put(report);
        cli_scratch_free();
    }
    fputs("\n]}]}\n", out);
    cli_scratch_free();
    free_kinds(kinds);
    free(v);
}
