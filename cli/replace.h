// cli/replace.h: files that are there in full or not at all.
#ifndef CLI_REPLACE_H
#define CLI_REPLACE_H

#include "cli/cli.h"

// Reads a whole file; the text has a NUL behind it. NULL: errno says why not. The caller frees it.
char *cli_slurp(const char *path, size_t *length);
// Writes to a file beside path and renames that to path, so that whoever reads path meets the old text or the new one.
// A symbolic link stays one. NULL or false: errno says why not, and path is as it was.
struct cli_replacement {
    FILE *out; // to be written to
    char *path, *temporary;
};
bool cli_replace_begin(struct cli_replacement *r, const char *path);
bool cli_replace_end(struct cli_replacement *r);
// Both at once.
bool cli_replace_file(const char *path, const char *text, size_t length);

#endif
