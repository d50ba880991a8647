// report_stacks.c: the stacks of a report, each with what it is, so that a writer need not know where they hang.
#include "cli/report.h"

#include "cli/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct list {
    struct cli_stack *v;
    size_t n;
    const json_object *report;
};

bool cli_report_is_cycle(const json_object *report) { return cli_json_length(report, "edges") > 0; }
size_t cli_frames(const struct cli_stack *s) { return s->frames ? json_object_array_length(s->frames) : 0; }
json_object *cli_frame(const struct cli_stack *s, size_t i)
{
    json_object *const frame = i < cli_frames(s) ? json_object_array_get_idx(s->frames, i) : NULL;
    return json_object_is_type(frame, json_type_object) ? frame : NULL;
}
json_object *cli_frame_with_file(const struct cli_stack *s)
{
    for (size_t i = 0; i < cli_frames(s); i++)
        if (cli_json_text(cli_frame(s, i), "file")) return cli_frame(s, i);
    return NULL;
}

static const char *sentence(char *text)
{
    *text = (char)toupper((unsigned char)*text);
    return text;
}
static struct cli_stack *push(struct list *l, enum cli_stack_role role, const json_object *holder, const char *name)
{
    json_object *frames = NULL;
    if (cli_json_length(holder, name) > 0) json_object_object_get_ex(holder, name, &frames);
    struct cli_stack *const s = &l->v[l->n++];
    *s = (struct cli_stack){.role = role, .strand = cli_json_int(holder, "strand", -1), .frames = frames};
    return s;
}

static const char *sync_with(const json_object *report, const json_object *sync)
{
    const int64_t lock = cli_json_int(sync, "lock", -1), strand = cli_json_int(sync, "strand", -1);
    if (lock >= 0) return cli_scratch(" %s", cli_say_lock(report, lock));
    if (strand >= 0) return cli_scratch(" %s", cli_say_strand(report, strand));
    const char *const address = cli_json_text(sync, "address");
    return address ? cli_scratch(" at %s", address) : "";
}
static void side(struct list *l, size_t i)
{
    const json_object *const x = cli_json_at(l->report, "sides", i), *const sync = cli_json_object(x, "last_sync");
    if (!x) return;
    struct cli_stack *s = push(l, CLI_SIDE, x, "stack");
    const char *const strand = cli_say_strand(l->report, s->strand);
    s->of = i;
    s->cut = cli_json_bool(x, "stack_cut");
    s->caption = sentence(cli_scratch("%s%s by %s", i ? "previous " : "", cli_say_access(x), strand));
    if (!sync) return;
    const int64_t whose = s->strand;
    const char *const what = cli_json_text(sync, "what");
    s = push(l, CLI_SYNC, sync, "stack");
    s->of = i;
    s->strand = whose;
    s->caption = sentence(cli_scratch("last synchronisation of %s before: %s%s", strand, what ? what : "unknown",
                                      sync_with(l->report, sync)));
}
static void edge(struct list *l, size_t i)
{
    const json_object *const x = cli_json_at(l->report, "edges", i);
    if (!x) return;
    const char *const from = cli_say_lock(l->report, cli_json_int(x, "from", -1));
    const char *const to = cli_say_lock(l->report, cli_json_int(x, "to", -1));
    struct cli_stack *const s = push(l, CLI_WANTED, x, "to_stack"), *const t = push(l, CLI_HELD, x, "from_stack");
    s->of = t->of = i;
    s->caption = cli_scratch("%s acquired here while holding %s in %s", to, from, cli_say_strand(l->report, s->strand));
    t->caption = cli_scratch("%s acquired before by the same thread here", from);
}
static void lock(struct list *l, size_t i)
{
    const json_object *const x = cli_json_at(l->report, "locks", i);
    if (!x) return;
    struct cli_stack *const s = push(l, CLI_LOCK_MADE, x, "created");
    s->of = i;
    const char *const kind = cli_json_text(x, "kind");
    s->caption = sentence(
        cli_scratch("%s %s created", kind ? kind : "lock", cli_say_lock(l->report, cli_json_int(x, "id", -1))));
}
static void strand(struct list *l, size_t i)
{
    const json_object *const x = cli_json_at(l->report, "strands", i);
    const int64_t id = cli_json_int(x, "id", -1);
    if (!x || id <= 0) return;
    struct cli_stack *const s = push(l, CLI_STRAND_MADE, x, "created");
    s->of = i;
    s->strand = id;
    s->caption = sentence(cli_scratch("%s created by %s", cli_say_strand(l->report, id), cli_say_creator(x)));
}

struct cli_stack *cli_report_stacks(const json_object *report, size_t *n)
{
    const size_t sides = cli_json_length(report, "sides"), edges = cli_json_length(report, "edges");
    const size_t locks = cli_json_length(report, "locks"), strands = cli_json_length(report, "strands");
    struct list l = {.report = report};
    l.v = cli_scratch_alloc((2 * sides + 2 * edges + locks + strands + 1) * sizeof *l.v);
    for (size_t i = 0; i < sides; i++) side(&l, i);
    for (size_t i = 0; i < edges; i++) edge(&l, i);
    const json_object *const location = cli_json_object(report, "location");
    if (cli_json_length(location, "allocated")) {
        struct cli_stack *const s = push(&l, CLI_ALLOCATED, location, "allocated");
        s->caption = cli_scratch("Heap block allocated by %s", cli_say_strand(report, s->strand));
    }
    for (size_t i = 0; i < locks; i++) lock(&l, i);
    for (size_t i = 0; i < strands; i++) strand(&l, i);
    *n = l.n;
    return l.v;
}
