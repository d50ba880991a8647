// cli/lines.h: a file, line by line, in bounded memory, whatever is in it.
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include "cli/cli.h"

#include <stdint.h>

enum { CLI_LINE_MAX = 32 << 20 }; // a report about a cycle of a thousand locks, with all its stacks, is half of that

struct cli_lines {
    char *text; // the line, without its newline; may hold any byte; valid until the next call, and may be written to
    size_t length;
    uint64_t at;  // where in the file it begins
    bool newline; // it ended with one: the last line may not
    bool cut;     // longer than CLI_LINE_MAX, and passed over: length is 0
    // The rest is lines.c's: a buffer that holds the file's bytes [next - (end - begin), next).
    int fd;
    const char *as, *path;
    char *buffer;
    size_t capacity, begin, end;
    uint64_t next;
    bool eof;
};

// Only regular files: what is read may have to be read again. Anything else is cli_die's.
void cli_lines_open(struct cli_lines *l, const char *as, const char *path);
bool cli_lines_next(struct cli_lines *l); // false: that was all
void cli_lines_close(struct cli_lines *l);

// Calls each(context, path) for path, or if it is a directory for all files below it, in the order of their names.
void cli_files(const char *as, const char *path, void (*each)(void *context, const char *path), void *context);

#endif
