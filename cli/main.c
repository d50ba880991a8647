// main.c: the ravel command: finds the subcommand and hands it its arguments.
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *name;
    cli_command *run;
} commands[] = {
    {"cc", cli_cc},       {"c++", cli_cxx},         {"help", cli_help},         {"--help", cli_help},
    {"-h", cli_help},     {"version", cli_version}, {"--version", cli_version}, {"report", cli_report},
    {"merge", cli_merge}, {"gate", cli_gate},
};

// Under the name ravel-cc or ravel-c++ we are that command, for tools that want a compiler to be one word.
static const char *command_in_name(const char *path)
{
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    return strcmp(name, "ravel-cc") == 0 || strcmp(name, "ravel-c++") == 0 ? name + strlen("ravel-") : NULL;
}

int main(int argc, char **argv)
{
    const char *const command = argc > 0 ? command_in_name(argv[0]) : NULL;
    if (command && strcmp(command, "cc") == 0) return cli_cc(command, argc - 1, argv + 1);
    if (command) return cli_cxx(command, argc - 1, argv + 1);
    if (argc < 2) cli_die("", "which command? `ravel help` lists them");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(commands[i].name, argc - 2, argv + 2);
    cli_die("", "%s: no such command; `ravel help` lists them", argv[1]);
}
