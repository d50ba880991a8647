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
