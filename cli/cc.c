// cc.c: `ravel cc` and `ravel c++`: becomes gcc or clang, with instrumentation and Ravel's runtime added.
//
// One command line may compile and link at once, so both kinds of additions go into one invocation, in forms that
// take effect in their step alone: gcc gets -fsanitize=thread through a spec file, which hands it to the compiler
// proper (and, with -flto, to the compiler that the linker starts) but not to the driver, which would link libtsan;
// clang is told not to link a runtime. The linker's additions are -Xlinker words: they are no files to which a
// -x could give a language, and they may hold any character. ravel_rt.o comes before all libraries, which it may need;
// libravel.so after all objects, which may need it.
//
// An executable holds the runtime and exports its symbols, so that shared objects use its copy: as ravel_rt.o, the
// one member of libravel_rt.a, because --exclude-libs would hide what comes out of an archive. A shared object needs
// libravel.so, found by the path it was linked with.
#include "cli/cc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void to_linker(struct cc_list *l, const char *word)
{
    cc_push(l, "-Xlinker");
    cc_push(l, word);
}

static void instrument_gcc(const char *as, struct cc_list *l)
{
    cc_push(l, cli_printf("-specs=%s", cli_lib_path(as, "gcc.specs")));
}
// clang warns of options that a step has no use for, and that may be an error.
static void instrument_clang(const struct cc_args *a, struct cc_list *l)
{
    cc_push(l, "--start-no-unused-arguments");
    if (a->other_sanitizer) { // its runtime must be linked, so the driver must not know that thread is on
        cc_push(l, "-Xclang");
        cc_push(l, "-fsanitize=thread");
    } else {
        cc_push(l, "-fsanitize=thread");
        cc_push(l, "-fno-sanitize-link-runtime");
    }
    cc_push(l, "--end-no-unused-arguments");
}
// Where ravel_rt.o is, libravel_go.a is too, and ravel.h in include beside lib: found after the user's own directories.
static char *lib_directory(const char *as)
{
    char *const lib = cli_lib_path(as, "ravel_rt.o");
    *strrchr(lib, '/') = '\0';
    return lib;
}
static void instrument(const char *as, const struct cc_args *a, enum cc_kind kind, struct cc_list *l)
{
    if (kind != CC_GCC) cc_push(l, "--start-no-unused-arguments");
    cc_push(l, "-idirafter");
    cc_push(l, cli_printf("%s/../../include", lib_directory(as)));
    if (kind != CC_GCC) cc_push(l, "--end-no-unused-arguments");
    if (kind == CC_GCC)
        instrument_gcc(as, l);
    else
        instrument_clang(a, l);
    cc_push(l, "-g1"); // the first of its kind: any -g of the user's comes later and wins
}

static void link_executable(const char *as, struct cc_list *l)
{
    to_linker(l, cli_lib_path(as, "ravel_rt.o"));
    to_linker(l, cli_printf("-L%s", lib_directory(as)));
    to_linker(l, cli_printf("--dynamic-list=%s", cli_lib_path(as, "exports.list")));
}
static void link_shared(const char *as, struct cc_list *l)
{
    char *const lib = cli_lib_path(as, "libravel.so");
    to_linker(l, lib);
    to_linker(l, cli_printf("-L%s", lib_directory(as)));
    to_linker(l, "-rpath");
    to_linker(l, cli_printf("%.*s", (int)(strrchr(lib, '/') - lib), lib));
}

// The runtime given by hand (by the CMake package or pkg-config, under CC="ravel cc") must not be linked twice.
static bool has_runtime(const struct cc_args *a)
{
    for (size_t i = 0; i < a->files.n; i++) {
        const char *const slash = strrchr(a->files.v[i], '/');
        const char *const name = slash ? slash + 1 : a->files.v[i];
        if (strcmp(name, "ravel_rt.o") == 0 || strcmp(name, "libravel_rt.a") == 0 || strcmp(name, "libravel.so") == 0)
            return true;
    }
    return false;
}

// An executable holds the goroutines too, as it holds the runtime: -lravel_go alone would take the shared object, which
// the program would then look for where it runs.
static const char *word_of_executable(const struct cc_list *args, size_t i)
{
    if (strcmp(args->v[i], "-lravel_go") == 0) return "-l:libravel_go.a";
    if (i && strcmp(args->v[i - 1], "-l") == 0 && strcmp(args->v[i], "ravel_go") == 0) return ":libravel_go.a";
    return args->v[i];
}

// Takes --ravel-cc= out of the arguments; the last one counts.
static const char *own_option(int argc, char **argv, struct cc_list *rest)
{
    static const char name[] = "--ravel-cc=";
    const char *compiler = NULL;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], name, strlen(name)) == 0)
            compiler = argv[i] + strlen(name);
        else
            cc_push(rest, argv[i]);
    }
    return compiler;
}

static int drive(const char *as, int argc, char **argv, const char *variable, const char *common)
{
    struct cc_list given = {0};
    const char *const name = own_option(argc, argv, &given);
    struct cc_compiler c = cc_compiler_find(as, name, variable, common);
    for (size_t i = 0; i < given.n; i++) cc_push(&c.options, given.v[i]);
    const struct cc_args a = cc_args_read(as, &c.options);
    const bool runtime = a.instrument && !has_runtime(&a);
    struct cc_list l = c.words;
    if (a.output != CC_NOTHING && a.instrument) instrument(as, &a, c.kind, &l);
    if (runtime && a.output == CC_EXECUTABLE) link_executable(as, &l);
    for (size_t i = 0; i < a.args.n; i++)
        cc_push(&l, a.output == CC_EXECUTABLE ? word_of_executable(&a.args, i) : a.args.v[i]);
    if (runtime && a.output == CC_SHARED) link_shared(as, &l);
    if (a.output >= CC_PARTIAL) cc_elf_refuse_libtsan(as, &a);
    execv(c.path, l.v);
    cli_die(as, "%s: %s", c.path, strerror(errno));
}

int cli_cc(const char *as, int argc, char **argv) { return drive(as, argc, argv, "RAVEL_CC", "cc"); }
int cli_cxx(const char *as, int argc, char **argv) { return drive(as, argc, argv, "RAVEL_CXX", "c++"); }
