// gate_options.c: the command line of `ravel gate`.
#include "cli/gate.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum option_id {
    BASELINE = 256,
    UPDATE,
    FROM_REV,
    FROM_BASE,
    MAX_NEW,
    ON_FIXED,
    ON_UNUSED,
    SUPPRESSIONS,
    SUMMARY,
    LISTS,
    KEEP,
    REPEAT,
    JOBS,
    SHARD,
    FROM,
    ROOT,
    MAP,
    CATEGORY,
    HELP
};
static const struct option own[] = {
    {"baseline", required_argument, NULL, BASELINE},
    {"update-baseline", no_argument, NULL, UPDATE},
    {"new-from-rev", required_argument, NULL, FROM_REV},
    {"new-from-merge-base", required_argument, NULL, FROM_BASE},
    {"max-new", required_argument, NULL, MAX_NEW},
    {"fail-on-fixed", no_argument, NULL, ON_FIXED},
    {"fail-on-unused-suppressions", no_argument, NULL, ON_UNUSED},
    {"suppressions", required_argument, NULL, SUPPRESSIONS},
    {"summary-json", required_argument, NULL, SUMMARY},
    {"lists", required_argument, NULL, LISTS},
    {"keep-logs", required_argument, NULL, KEEP},
    {"repeat", required_argument, NULL, REPEAT},
    {"jobs", required_argument, NULL, JOBS},
    {"shard", required_argument, NULL, SHARD},
    {"from", required_argument, NULL, FROM},
    {"source-root", required_argument, NULL, ROOT},
    {"path-map", required_argument, NULL, MAP},
    {"category", required_argument, NULL, CATEGORY},
    {"help", no_argument, NULL, HELP},
};
enum { OWN = sizeof own / sizeof *own, MOST_WRITERS = 32 };

static uint64_t number(struct gate *g, const char *option, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < least || n > most)
        gate_die(g, "--%s %s: that is no number from %" PRIu64 " to %" PRIu64, option, text, least, most);
    return n;
}
static void shard(struct gate *g, const char *text)
{
    char *slash = strchr(text, '/');
    if (!slash) gate_die(g, "--shard %s: write I/N, such as 1/4 for the first of four", text);
    char *const first = cli_printf("%.*s", (int)(slash - text), text);
    g->o.shards = (int)number(g, "shard", slash + 1, 1, 1000000);
    g->o.shard = (int)number(g, "shard", first, 1, (uint64_t)g->o.shards);
    free(first);
}
static void from(struct gate *g, char *path)
{
    g->o.from = realloc(g->o.from, (g->o.nfrom + 2) * sizeof *g->o.from);
    if (!g->o.from) cli_die("", "out of memory");
    g->o.from[g->o.nfrom++] = path;
    g->o.from[g->o.nfrom] = NULL;
}
static void take(struct gate *g, int id)
{
    struct gate_options *const o = &g->o;
    switch (id) {
    case BASELINE: o->baseline = optarg; break;
    case UPDATE: o->update = true; break;
    case FROM_REV: o->from_rev = optarg; break;
    case FROM_BASE: o->from_base = optarg; break;
    case MAX_NEW: o->max_new = number(g, "max-new", optarg, 0, INT_MAX); break;
    case ON_FIXED: o->fail_on_fixed = true; break;
    case ON_UNUSED: o->fail_on_unused = true; break;
    case SUPPRESSIONS: o->suppressions = optarg; break;
    case SUMMARY: o->summary_json = optarg; break;
    case LISTS: o->lists = optarg; break;
    case KEEP: o->keep_logs = optarg; break;
    case REPEAT: o->repeat = (int)number(g, "repeat", optarg, 1, 1000000); break;
    case JOBS: o->jobs = (int)number(g, "jobs", optarg, 1, 10000); break;
    case SHARD: shard(g, optarg); break;
    case FROM: from(g, optarg); break;
    case ROOT: o->source_root = optarg; break;
    case MAP: o->maps[o->nmaps++] = optarg; break;
    case CATEGORY: o->category = optarg; break;
    default: cli_outputs_add(&o->outputs, &cli_writers[id - CLI_WRITER_OPTION], optarg);
    }
}

static void check(struct gate *g)
{
    const struct gate_options *const o = &g->o;
    if (o->update && !o->baseline) gate_die(g, "--update-baseline needs --baseline FILE");
    if (o->fail_on_fixed && !o->baseline) gate_die(g, "--fail-on-fixed needs --baseline FILE");
    if (o->from_rev && o->from_base) gate_die(g, "--new-from-rev and --new-from-merge-base exclude each other");
    if (o->command && o->from) gate_die(g, "--from judges logs that are there: it takes no command");
    if (!o->command && !o->from) gate_die(g, "which command? ravel gate [options] [--] command...; `ravel help gate`");
    if (o->from && (o->keep_logs || o->repeat > 1 || o->shards || o->suppressions))
        gate_die(g, "--from judges logs that are there: it takes no option about running a command");
    if (o->shards && (o->fail_on_fixed || o->fail_on_unused))
        gate_die(g,
                 "--fail-on-%s: one shard cannot tell; keep the logs of all (--keep-logs) and judge them together "
                 "(--from)",
                 o->fail_on_fixed ? "fixed" : "unused-suppressions");
    if (o->update && o->shards)
        gate_die(g, "--update-baseline would drop what the other shards find; keep their logs (--keep-logs) and update "
                    "from all of them (--from)");
}
void gate_read_options(struct gate *g, int argc, char **argv)
{
    // getopt takes argv[0] for the program's name, and what stands before the arguments is the subcommand's.
    struct option table[OWN + MOST_WRITERS];
    memcpy(table, own, sizeof own);
    if (cli_writer_options(table, OWN) > OWN + MOST_WRITERS) abort();
    g->o.maps = cli_alloc((size_t)argc * sizeof *g->o.maps);
    g->o.repeat = g->o.jobs = 1;
    opterr = 0;
    optind = 1;
    for (int id; (id = getopt_long(argc, argv, "+:", table, NULL)) != -1;) {
        if (id == HELP) exit(cli_help("gate", 1, (char *[]){(char *)"gate"}));
        if (id == ':') gate_die(g, "%s needs a value; `ravel help gate` lists the options", argv[optind - 1]);
        if (id == '?') gate_die(g, "%s: no such option; `ravel help gate` lists them", argv[optind - 1]);
        take(g, id);
    }
    if (optind < argc) g->o.command = argv + optind;
    check(g);
}
