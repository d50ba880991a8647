// cc_args.c: reads a compiler's command line far enough to know what comes out of it, and refuses what cannot work.
//
// gcc's and clang's grammar is the same here: a word that begins with - is an option; some options take the next
// word as their operand; @FILE stands for the words in FILE; all else is an input. The words go on to the compiler
// as they came, but for -fsanitize=thread, which is Ravel's to give (a driver that sees it links libtsan), and but
// for an @FILE that has one, whose words then stand in its place.
#include "cli/cc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Options whose operand is the next word. (Those that may also hold it themselves, -DX, do so if they are longer.)
static const char with_operand[] =
    " -o -x -I -L -l -D -U -A -B -F -G -T -u -z -e -MF -MT -MQ -MJ -idirafter -include -include-pch"
    " -imacros -iprefix -iwithprefix -iwithprefixbefore -isystem -iquote -isysroot -imultilib -iframework"
    " -ivfsoverlay -cxx-isystem -Xlinker -Xassembler -Xpreprocessor -Xclang -Xanalyzer -mllvm -arch"
    " -target --target --param -aux-info -dumpbase -dumpbase-ext -dumpdir -wrapper -framework -rpath"
    " -serialize-diagnostics --serialize-diagnostics --sysroot --output --include --language"
    " --library-directory --include-directory --define-macro --undefine-macro --config -gcc-toolchain"
    " -working-directory ";
// After one of these the compiler does not link.
static const char no_link[] =
    " -c -S -E -M -MM -fsyntax-only --compile --assemble --preprocess --dependencies --user-dependencies"
    " --precompile -emit-llvm-only --analyze -verify-pch ";
// With one of these it prints something and does nothing else.
static const char only_print[] =
    " --version --help -help --target-help -dumpspecs -dumpversion -dumpfullversion -dumpmachine -cc1"
    " -cc1as ";
// Sanitizers whose runtime takes the place of the same functions, or lays out memory in its own way.
static const char *const foreign[] = {
    "address",       "kernel-address", "hwaddress", "kernel-hwaddress", "pointer-compare", "pointer-subtract", "memory",
    "kernel-memory", "leak",           "dataflow",  "memtag",           "memtag-stack",    "memtag-heap",      "type",
    "realtime",      "numerical",      "scudo"};
enum { FOREIGN = sizeof foreign / sizeof *foreign };

struct reader {
    struct cc_args *a;
    const char *as;
    bool thread;                       // -fsanitize=thread is on: it is, until -fno-sanitize= says otherwise
    bool freestanding, nostdlib, libc; // -ffreestanding; -nostdlib or the like; -lc
    bool foreign[FOREIGN];
    const char *is_static; // the option that asks for it
    bool shared, partial, no_link, only_print;
    int depth; // of @FILE in @FILE
};

// Whether a list, " A B C ", has the word.
static bool has(const char *list, const char *word)
{
    return !strchr(word, ' ') && *word && strstr(list, cli_printf(" %s ", word));
}
static bool begins(const char *word, const char *with) { return strncmp(word, with, strlen(with)) == 0; }

// ---- -fsanitize=A,B ------------------------------------------------------------------------------------------

static void one_sanitizer(struct reader *r, const char *name, bool on)
{
    const bool all = strcmp(name, "all") == 0 && !on;
    if (all || strcmp(name, "thread") == 0) r->thread = on;
    for (int i = 0; i < FOREIGN; i++)
        if (all || strcmp(name, foreign[i]) == 0) r->foreign[i] = on;
    if (on && strcmp(name, "thread") != 0) r->a->other_sanitizer = true;
    if (all) r->a->other_sanitizer = false;
}
// Notes each, and returns the option without "thread", or NULL if nothing is left of it.
static char *sanitizers(struct reader *r, const char *option, bool on)
{
    const char *const equals = strchr(option, '=');
    char *rest = cli_printf("%s", equals + 1), *left = NULL;
    for (char *name; (name = strsep(&rest, ","));) {
        one_sanitizer(r, name, on);
        if (strcmp(name, "thread") == 0) continue;
        left = left ? cli_printf("%s,%s", left, name) : cli_printf("%.*s=%s", (int)(equals - option), option, name);
    }
    return left;
}

// ---- @FILE -----------------------------------------------------------------------------------------------------

// The whole of a file, NUL-terminated; NULL if it cannot be read.
static char *slurp(const char *path)
{
    FILE *const f = fopen(path, "r");
    if (!f) return NULL;
    char *text = NULL;
    size_t cap = 0;
    if (getdelim(&text, &cap, EOF, f) < 0) text = cli_alloc(1);
    fclose(f);
    return text;
}
// Takes the next word off *text, as gcc does: blanks part words, ' and " hold them together, \ quotes one character.
static char *next_word(char **text)
{
    char *p = *text;
    while (isspace((unsigned char)*p)) p++;
    if (!*p) return NULL;
    char *const word = cli_alloc(strlen(p) + 1), *w = word;
    for (char quote = 0; *p && (quote || !isspace((unsigned char)*p)); p++) {
        if (*p == '\\' && p[1])
            *w++ = *++p;
        else if (quote ? *p == quote : *p == '\'' || *p == '"')
            quote = quote ? 0 : *p;
        else
            *w++ = *p;
    }
    *text = p;
    return word;
}
static bool asks_for_thread(const struct cc_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (begins(l->v[i], "-fsanitize=") && strstr(l->v[i], "thread")) return true;
    return false;
}

// ---- words -----------------------------------------------------------------------------------------------------

static void words(struct reader *r, const struct cc_list *l, struct cc_list *out);

enum { DEEPEST = 100 };
static void response_file(struct reader *r, const char *word, struct cc_list *out)
{
    char *text = slurp(word + 1);
    if (!text) { // the compilers take such a word for a file's name
        cc_push(&r->a->files, word);
        cc_push(out, word);
        return;
    }
    struct cc_list inside = {0}, unused = {0};
    for (char *w; (w = next_word(&text));) cc_push(&inside, w);
    if (++r->depth > DEEPEST) cli_die(r->as, "%s: response files name each other more than %d deep", word, DEEPEST);
    const bool replace = asks_for_thread(&inside);
    words(r, &inside, replace ? out : &unused);
    r->depth--;
    if (!replace) cc_push(out, word);
}

static void link_option(struct reader *r, const char *word)
{
    if (strcmp(word, "-static") == 0 || strcmp(word, "--static") == 0 || strcmp(word, "-static-pie") == 0)
        r->is_static = word;
    if (strcmp(word, "-shared") == 0 || strcmp(word, "--shared") == 0) r->shared = true;
    if (strcmp(word, "-r") == 0 || strcmp(word, "-Wl,-r") == 0 || strcmp(word, "-Wl,--relocatable") == 0)
        r->partial = true;
    if (strcmp(word, "-nostdlib") == 0 || strcmp(word, "-nodefaultlibs") == 0 || strcmp(word, "-nolibc") == 0)
        r->nostdlib = true;
    if (begins(word, "-l") && word[2]) cc_push(&r->a->libs, word + 2);
    if (begins(word, "-L") && word[2]) cc_push(&r->a->dirs, word + 2);
    if (strcmp(word, "-lc") == 0) r->libc = true;
}
static void option(struct reader *r, const char *word)
{
    if (has(no_link, word)) r->no_link = true;
    if (has(only_print, word) || begins(word, "-print-") || begins(word, "--print-") || begins(word, "--help="))
        r->only_print = true;
    if (strcmp(word, "-ffreestanding") == 0 || strcmp(word, "-fno-hosted") == 0) r->freestanding = true;
    if (strcmp(word, "-fhosted") == 0 || strcmp(word, "-fno-freestanding") == 0) r->freestanding = false;
    if (strcmp(word, "-m32") == 0 || strcmp(word, "-mx32") == 0)
        cli_die(r->as, "%s: Ravel knows 64-bit programs only; leave the option out", word);
    link_option(r, word);
}
static void operand(struct reader *r, const char *option_word, const char *word)
{
    if (strcmp(option_word, "-l") == 0) link_option(r, cli_printf("-l%s", word));
    if (strcmp(option_word, "-L") == 0) cc_push(&r->a->dirs, word);
}

static void words(struct reader *r, const struct cc_list *l, struct cc_list *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const char *word = l->v[i];
        if (word[0] == '@' && word[1]) {
            response_file(r, word, out);
            continue;
        }
        const bool on = begins(word, "-fsanitize=");
        if (on || begins(word, "-fno-sanitize=")) {
            if ((word = sanitizers(r, word, on))) cc_push(out, word);
            continue;
        }
        cc_push(out, word);
        if (word[0] != '-' || !word[1]) {
            cc_push(&r->a->files, word);
        } else if (has(with_operand, word) && i + 1 < l->n) {
            operand(r, word, l->v[++i]);
            cc_push(out, l->v[i]);
        } else {
            option(r, word);
        }
    }
}

static void refuse(const struct reader *r, const struct cc_args *a)
{
    for (int i = 0; i < FOREIGN; i++)
        if (r->foreign[i])
            cli_die(r->as, "-fsanitize=%s cannot work beside Ravel; leave it out, or build with the compiler itself",
                    foreign[i]);
    if (r->is_static && a->output >= CC_SHARED)
        cli_die(r->as, "%s: Ravel's runtime needs libc as a shared library; leave the option out", r->is_static);
}

static enum cc_output output_of(const struct reader *r)
{
    if (r->only_print || (!r->a->files.n && !r->a->libs.n)) return CC_NOTHING;
    if (r->no_link) return CC_NO_LINK;
    if (r->partial) return CC_PARTIAL;
    return r->shared ? CC_SHARED : CC_EXECUTABLE;
}

struct cc_args cc_args_read(const char *as, const struct cc_list *l)
{
    struct cc_args a = {0};
    struct reader r = {.a = &a, .as = as, .thread = true};
    words(&r, l, &a.args);
    a.output = output_of(&r);
    refuse(&r, &a);
    // A program without libc has no threads, and no libc for the runtime to stand on. So with freestanding code.
    const bool bare = a.output == CC_EXECUTABLE && r.nostdlib && !r.libc;
    a.instrument = r.thread && !r.freestanding && !bare;
    return a;
}
