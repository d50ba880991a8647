// cli/capture.h: what another program prints.
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

#include <stddef.h>

// Runs it and returns what it printed on stdout, with a NUL behind it. NULL: it failed, and *said is the first line of
// what it complained of. The caller frees the one or the other.
char *cli_capture(const char *const *arguments, size_t *length, char **said);

#endif
