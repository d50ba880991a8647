// cli/source.h: lines of source files, for excerpts.
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/report.h"

struct cli_source_line {
    int64_t number;
    const char *text; // UTF-8, not ended by a NUL
    size_t length;
};
enum { CLI_SOURCE_AROUND = 4, CLI_SOURCE_LINES = 24 };
// The lines from first to last and some around them. Only files below the source root are looked at: a log that somebody
// sent must not be able to bring other files of this machine into a page. Returns how many there are; 0: none, or there
// is no room for all. They live until the next call.
size_t cli_source(const struct cli_report_options *o, const char *path, int64_t first, int64_t last,
                  struct cli_source_line lines[CLI_SOURCE_LINES]);
void cli_source_forget(void); // frees what is kept

#endif
