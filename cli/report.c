// report.c: `ravel report`: reads logs, and writes what they say in one format or in several.
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct cli_writer cli_writers[] = {
    {"text", "a table, and every finding as the program prints it", cli_write_text},
    {"json", "one JSON document", cli_write_json},
    {"sarif", "SARIF 2.1.0: GitHub code scanning, editors", cli_write_sarif},
    {"junit", "JUnit XML: Jenkins and whatever else shows test results", cli_write_junit},
    {"annotations", "GitHub workflow commands, which mark lines of a pull request", cli_write_annotations},
    {"summary", "Markdown for a GitHub step summary", cli_write_summary},
    {"gitlab", "GitLab Code Quality", cli_write_gitlab},
    {"html", "one page to read, with sources and pictures; needs no network", cli_write_html},
    {NULL, NULL, NULL},
};

const struct cli_writer *cli_writer_find(const char *as, const char *name)
{
    const char *all = "";
    for (const struct cli_writer *w = cli_writers; w->name; w++) {
        if (strcmp(w->name, name) == 0) return w;
        all = cli_printf("%s%s%s", all, *all ? ", " : "", w->name);
    }
    cli_die(as, "%s: no such format; there are %s", name, all);
}

// ---- outputs -----------------------------------------------------------------------------------------------------

size_t cli_writer_options(struct option *into, size_t n)
{
    for (int i = 0; cli_writers[i].name; i++)
        into[n++] = (struct option){cli_writers[i].name, required_argument, NULL, CLI_WRITER_OPTION + i};
    into[n++] = (struct option){0};
    return n;
}
void cli_outputs_add(struct cli_outputs *l, const struct cli_writer *w, const char *path)
{
    l->v = realloc(l->v, (l->n + 1) * sizeof *l->v);
    if (!l->v) cli_die("", "out of memory");
    l->v[l->n++] = (struct cli_output){w, path};
}
static void write_one(const struct cli_output *x, struct cli_findings *f, const struct cli_report_options *o)
{
    const bool to_stdout = strcmp(x->path, "-") == 0;
    FILE *const out = to_stdout ? stdout : fopen(x->path, "w");
    if (!out) cli_die(o->as, "%s: %s", x->path, strerror(errno));
    struct cli_report_options mine = *o;
    mine.colour = cli_colour(out);
    x->writer->write(out, f, &mine);
    errno = 0;
    const bool failed = ferror(out) || (to_stdout ? fflush(out) : fclose(out)) != 0;
    if (failed) cli_die(o->as, "%s: cannot write: %s", to_stdout ? "stdout" : x->path, strerror(errno ? errno : EIO));
}
void cli_outputs_write(const struct cli_outputs *l, struct cli_findings *f, const struct cli_report_options *o)
{
    for (size_t i = 0; i < l->n; i++) write_one(&l->v[i], f, o);
}

// ---- the command -------------------------------------------------------------------------------------------------

struct command {
    struct cli_outputs outputs;
    const struct cli_writer *format;
    const char *output, *root;
    const char **maps;
    size_t nmaps;
    struct cli_report_options o;
};

static void option(struct command *c, const char *as, int value, char **argv)
{
    switch (value) {
    case 'f': c->format = cli_writer_find(as, optarg); break;
    case 'o': c->output = optarg; break;
    case 'r': c->root = optarg; break;
    case 'm': c->maps[c->nmaps++] = optarg; break;
    case 'c': c->o.category = optarg; break;
    case ':': cli_die(as, "%s: needs a value; see `ravel help %s`", argv[optind - 1], as);
    case '?': cli_die(as, "%s: no such option; see `ravel help %s`", argv[optind - 1], as);
    default: cli_outputs_add(&c->outputs, &cli_writers[value - CLI_WRITER_OPTION], optarg);
    }
}
static void options(struct command *c, const char *as, int argc, char **argv)
{
    static const struct option common[] = {{"format", required_argument, NULL, 'f'},
                                           {"output", required_argument, NULL, 'o'},
                                           {"source-root", required_argument, NULL, 'r'},
                                           {"path-map", required_argument, NULL, 'm'},
                                           {"category", required_argument, NULL, 'c'}};
    enum { COMMON = sizeof common / sizeof *common };
    struct option all[COMMON + sizeof cli_writers / sizeof *cli_writers];
    memcpy(all, common, sizeof common);
    cli_writer_options(all, COMMON);
    c->maps = cli_alloc(((size_t)argc + 1) * sizeof *c->maps);
    opterr = 0;
    for (int value; (value = getopt_long(argc, argv, ":f:o:", all, NULL)) != -1;) option(c, as, value, argv);
}

int cli_report(const char *as, int argc, char **argv)
{
    struct command c = {0};
    struct cli_findings f = {0};
    options(&c, as, argc + 1, argv - 1); // getopt wants a name in front
    if (optind > argc) cli_die(as, "which logs? Name files or directories; see `ravel help %s`", as);
    cli_report_options_init(&c.o, as, c.root);
    for (size_t i = 0; i < c.nmaps; i++) cli_report_path_map(&c.o, c.maps[i]);
    if (c.format || c.output || !c.outputs.n)
        cli_outputs_add(&c.outputs, c.format ? c.format : &cli_writers[0], c.output ? c.output : "-");
    for (int i = optind; i <= argc; i++) cli_findings_read(&f, as, argv[i - 1]);
    if (f.lines && !f.processes && !f.reports && !f.foreign)
        cli_die(as,
                "%s: not a log of Ravel's: no line of it could be used; programs write one with RAVEL_OPTIONS="
                "report_format=json:log_path=FILE",
                argv[optind - 1]);
    cli_findings_sort(&f);
    cli_outputs_write(&c.outputs, &f, &c.o);
    return CLI_OK;
}
