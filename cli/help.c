// help.c: `ravel help`, `ravel help COMMAND` and `ravel --version`.
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *name, *line, *text;
} topics[] = {
    {"cc", "compile C as gcc or clang would, with race and deadlock detection",
     "usage: ravel cc [--ravel-cc=COMPILER] ARGUMENTS OF THE COMPILER...\n"
     "       ravel c++ [--ravel-cc=COMPILER] ARGUMENTS OF THE COMPILER...\n"
     "\n"
     "Runs the compiler with instrumentation on, and links Ravel's runtime where it would link a\n"
     "program or a shared library. Every option, `--help` and `--version` included, is the compiler's.\n"
     "Where the command line asks for no debug information, -g1 is added, so that reports name lines.\n"
     "\n"
     "The compiler is COMPILER, or the value of RAVEL_CC (RAVEL_CXX for c++), or cc (c++). It is gcc\n"
     "or clang, and may be several words: RAVEL_CC=\"ccache clang-19\".\n"
     "\n"
     "    CC=\"ravel cc\" CXX=\"ravel c++\" ./configure && make check\n"
     "    CC=\"ravel cc\" CXX=\"ravel c++\" cmake -B build         CC=\"ravel cc\" meson setup build\n"
     "\n"
     "A program built so prints what it finds on stderr and then exits with code 66. RAVEL_OPTIONS\n"
     "changes that: run it with RAVEL_OPTIONS=help=1 for the list.\n"
     "\n"
     "What cannot work is refused with exit code 2: -static, -m32, -fsanitize=address and others that\n"
     "replace the same functions, and inputs that libtsan is already linked into.\n"},
    {"c++", "the same for C++", NULL},
    {"gate", "run the tests, and fail on new races and deadlocks: the line for CI",
     "usage: ravel gate [options] [--] COMMAND...\n"
     "       ravel gate [options] --from LOGS...\n"
     "\n"
     "Runs COMMAND (make check, ctest, ...), collects what every checked process in it finds, compares that\n"
     "with what is known, prints a table, and decides:\n"
     "\n"
     "    exit code 0              ravel gate: clean\n"
     "              1              ravel gate: new=N           findings that are not known\n"
     "              the command's  ravel gate: command=N\n"
     "              2              ravel gate: trouble: ...    nothing was checked, a log is damaged, ...\n"
     "\n"
     "What is known:\n"
     "    --baseline FILE               findings that are accepted; --update-baseline writes it\n"
     "    --new-from-rev REV            only what lies on lines changed since REV is new\n"
     "    --new-from-merge-base BRANCH  the same, since HEAD left BRANCH\n"
     "    --suppressions FILE           what processes do not report at all\n"
     "    --max-new N                   so many new ones are no error\n"
     "    --fail-on-fixed, --fail-on-unused-suppressions\n"
     "\n"
     "What is written:\n"
     "    --summary-json FILE           the verdict, all counts and findings\n"
     "    --lists DIR                   introduced.json, fixed.json, preexisting.json\n"
     "    --sarif FILE, --html FILE, ...  every format of `ravel report`, with its options\n"
     "    --keep-logs DIR               the logs stay\n"
     "\n"
     "How it is run:\n"
     "    --repeat N --jobs J           N times, J at once; says in how many runs each finding showed\n"
     "    --shard I/N                   machine I of N: RAVEL_SHARD, and a share of the tests of ctest, Criterion\n"
     "    --from PATH                   judge logs that are there (a file, a directory), and run nothing\n"
     "\n"
     "    ravel gate --baseline races.json ctest --test-dir build\n"
     "\n"
     "docs/gate.md has all of it.\n"},
    {"report", "make a page, SARIF, JUnit and more out of programs' logs",
     "usage: ravel report LOG... [-f FORMAT] [-o FILE]\n"
     "       ravel report LOG... --FORMAT FILE [--FORMAT FILE]...\n"
     "\n"
     "Reads logs (RAVEL_OPTIONS=report_format=json:log_path=logs/run), merges what is the same bug, and\n"
     "writes it as FORMAT to FILE, or to stdout. A LOG that is a directory stands for all files below it.\n"
     "\n"
     "    text         a table, and every finding as the program prints it (this is the default)\n"
     "    json         one JSON document\n"
     "    sarif        SARIF 2.1.0: GitHub code scanning, editors\n"
     "    junit        JUnit XML: Jenkins and whatever else shows test results\n"
     "    annotations  GitHub workflow commands, which mark lines of a pull request\n"
     "    summary      Markdown for a GitHub step summary\n"
     "    gitlab       GitLab Code Quality\n"
     "    html         one page to read, with sources and pictures; needs no network\n"
     "\n"
     "    --source-root DIR    paths below DIR are written relative to it, and only files below it are\n"
     "                         quoted; without it, the directory above here that has a .git, or here\n"
     "    --path-map OLD=NEW   what was compiled in OLD lies in NEW; may be given several times\n"
     "    --category NAME      sarif: tells several uploads for one commit apart\n"
     "\n"
     "Exit code 0, also when there are findings; 2 for what is wrong with the command or a file.\n"
     "docs/report.md has examples.\n"},
    {"merge", "join the logs of many processes or machines into one",
     "usage: ravel merge LOG... -o FILE\n"
     "\n"
     "Joins logs into one that `ravel report` reads. A LOG that is a directory stands for all files below\n"
     "it. What one process wrote is taken once, also where a log was given or fetched twice. FILE may\n"
     "be - for stdout; it appears when it is complete.\n"
     "\n"
     "    ravel merge machine-*/logs -o all.jsonl && ravel report all.jsonl --html report.html\n"},
    {"help", "this list, or what a command does: ravel help cc", NULL},
    {"version", "which Ravel this is", NULL},
};
enum { TOPICS = sizeof topics / sizeof *topics };

static void list(void)
{
    const bool colour = cli_colour(stdout);
    const char *const bold = colour ? "\033[1m" : "", *const off = colour ? "\033[0m" : "";
    puts("Ravel finds data races and deadlocks in C programs.\n\nusage: ravel COMMAND ...\n");
    for (int i = 0; i < TOPICS; i++) printf("    %s%-9s%s %s\n", bold, topics[i].name, off, topics[i].line);
}

int cli_help(const char *as, int argc, char **argv)
{
    if (argc == 0) return list(), CLI_OK;
    const char *const name = strcmp(argv[0], "c++") == 0 ? "cc" : argv[0];
    for (int i = 0; i < TOPICS; i++)
        if (strcmp(name, topics[i].name) == 0) {
            if (topics[i].text) return fputs(topics[i].text, stdout), CLI_OK;
            return printf("ravel %s: %s\n", topics[i].name, topics[i].line), CLI_OK;
        }
    cli_die(as, "%s: no such command; `ravel help` lists them", argv[0]);
}

int cli_version(const char *as, int argc, char **argv)
{
    (void)as, (void)argc, (void)argv;
    puts("ravel " RAVEL_VERSION);
    return CLI_OK;
}
