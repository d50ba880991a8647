// main.c: the ravel command: finds the subcommand and hands it its arguments.
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *name;
    cli_command *run;
} commands[] = {
    {"cc", cli_cc},   {"c++", cli_cxx},         {"help", cli_help},         {"--help", cli_help},
    {"-h", cli_help}, {"version", cli_version}, {"--version", cli_version},
};

int main(int argc, char **argv)
{
    if (argc < 2) cli_die("", "which command? `ravel help` lists them");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(commands[i].name, argc - 2, argv + 2);
    cli_die("", "%s: no such command; `ravel help` lists them", argv[1]);
}
