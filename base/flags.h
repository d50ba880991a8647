// base/flags.h: the options of a checked program (RAVEL_OPTIONS, TSAN_OPTIONS), from the one table in flags.def.
// Parsed once, before the program's first thread; constant afterwards, so everyone reads base_flags as it is.
#ifndef BASE_FLAGS_H
#define BASE_FLAGS_H

#include <stdbool.h>

#include "base/print.h"

enum base_memory_model { BASE_MODEL_C17, BASE_MODEL_C20 };
enum base_report_format { BASE_FORMAT_TEXT, BASE_FORMAT_JSON };
enum base_test_names { BASE_TEST_NAMES_AUTO, BASE_TEST_NAMES_OFF };
enum base_color { BASE_COLOR_AUTO, BASE_COLOR_ALWAYS, BASE_COLOR_NEVER };
enum base_stack_guard { BASE_GUARD_AUTO, BASE_GUARD_MPROTECT, BASE_GUARD_NONE };

enum base_leftover { BASE_LEFTOVER_IGNORE, BASE_LEFTOVER_REPORT, BASE_LEFTOVER_WAIT };

#define BASE_FLAG_C_bool   bool
#define BASE_FLAG_C_int    int
#define BASE_FLAG_C_text   const char *
#define BASE_FLAG_C_choice int // index into the values listed in flags.def: the enums above
struct base_flags {
#define FLAG(type, name, def, help) BASE_FLAG_C_##type name;
#include "base/flags.def"
};
extern struct base_flags base_flags;

// Reads "k=v" pairs separated by spaces, colons, commas or newlines; a value may stand in '' or "", and may hold colons before digits. `where` is where
// they came from and starts the one line on stderr that a bad option costs; the rest is still read. When it is
// TSAN_OPTIONS, options that only ThreadSanitizer has are passed over in silence. s may be NULL.
void base_flags_parse(const char *s, const char *where);
// How many options were refused, or could not be carried out (base_flags_complain); the gate calls that trouble.
int base_flags_trouble(void);
// One line to stderr about an option that was understood but cannot be carried out; counts as trouble.
void base_flags_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The list that help=1 prints to stderr.
void base_flags_help(void);
// The same as rows of docs/options.md, for the test that compares them.
void base_flags_manual(struct base_buf *out);
// Everything back to its default; tests only.
void base_flags_reset(void);

#endif
