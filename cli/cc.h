// cli/cc.h: what the parts of `ravel cc` share. The driver reads the command line (cc_args.c), finds out which
// compiler it is for (cc_compiler.c), refuses what cannot work (cc_args.c, cc_elf.c), and becomes that compiler
// with some arguments added (cc.c).
#ifndef CLI_CC_H
#define CLI_CC_H

#include "cli/cli.h"

// A list of arguments that grows; v[n] is always NULL.
struct cc_list {
    char **v;
    size_t n, cap;
};
void cc_push(struct cc_list *l, const char *s);

enum cc_kind { CC_GCC, CC_CLANG };
struct cc_compiler {
    char *path;             // what to execute
    struct cc_list words;   // its name as it was given; more than one word for "ccache gcc"
    struct cc_list options; // what came with the name: -m64 of "gcc -m64"
    enum cc_kind kind;
};
// The compiler named by option (NULL: none), else by the environment variable, else by its common name.
struct cc_compiler cc_compiler_find(const char *as, const char *option, const char *variable, const char *common);

// What the compiler would make of the command line.
enum cc_output {
    CC_NOTHING,    // no inputs, or an option that only prints something
    CC_NO_LINK,    // -c, -S, -E, -M, -fsyntax-only
    CC_PARTIAL,    // -r
    CC_SHARED,     // -shared
    CC_EXECUTABLE, // the rest
};
struct cc_args {
    struct cc_list args;       // for the compiler: the words, without -fsanitize=thread
    struct cc_list files;      // inputs that are neither options nor their operands, "-" included
    struct cc_list libs, dirs; // X of -lX, and D of -LD
    enum cc_output output;
    bool instrument;      // false: -fno-sanitize=thread, -ffreestanding, or a program without libc
    bool other_sanitizer; // one that clang must link a runtime for is on as well
};
// Reads the command line, and ends with a line and exit code 2 if it asks for what cannot work.
struct cc_args cc_args_read(const char *as, const struct cc_list *words);

// Ends with a line and exit code 2 if one of the inputs of a link has libtsan in it.
void cc_elf_refuse_libtsan(const char *as, const struct cc_args *a);

#endif
