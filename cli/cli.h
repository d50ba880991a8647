// cli/cli.h: what the subcommands of `ravel` share.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// Exit codes of ravel's own: what is wrong with the command line, a file or the set-up is always 2.
enum { CLI_OK = 0, CLI_BAD_INPUT = 2 };

// A subcommand gets the arguments that follow its name. `as` is what the user typed ("cc"), for its messages.
typedef int cli_command(const char *as, int argc, char **argv);
cli_command cli_cc, cli_cxx, cli_gate, cli_help, cli_version, cli_report, cli_merge;

// One line on stderr, "ravel cc: ..." (coloured on a terminal), and exit code 2.
_Noreturn void cli_die(const char *as, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Whether f may get colour: a terminal, and neither NO_COLOR nor TERM=dumb.
bool cli_colour(FILE *f);

// PREFIX/lib/ravel/NAME, where PREFIX is the directory above the one that this very binary lies in: so that an
// installation may be moved. Lives for ever.
char *cli_lib_path(const char *as, const char *name);

// malloc and its kin for a short-lived process: never NULL, never freed.
void *cli_alloc(size_t bytes);
char *cli_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
