// Drives a fuzz target without a fuzzer: its seeds as they are, then seeds changed at random, the same in every run.
// `fuzz_x [-n ROUNDS] [-s SEED] SEED_FILE_OR_DIRECTORY...`. With clang, RAVEL_LIBFUZZER=ON links libFuzzer in its place.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { LONGEST = 1 << 16, MOST_SEEDS = 256 };
static struct seed {
    uint8_t *data;
    size_t n;
} seeds[MOST_SEEDS];
static size_t nseeds;
static uint64_t state = 1;
static uint64_t any(uint64_t below) // xorshift64*
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return below ? (state * 0x2545f4914f6cdd1dull >> 32) % below : 0;
}

static void read_seed(const char *path)
{
    FILE *const f = fopen(path, "rb");
    if (!f || nseeds == MOST_SEEDS) exit((fprintf(stderr, "%s: cannot be a seed\n", path), 2));
    uint8_t *const data = malloc(LONGEST);
    if (!data) exit(2);
    seeds[nseeds++] = (struct seed){data, fread(data, 1, LONGEST, f)};
    fclose(f);
}
static void read_seeds(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        read_seed(path);
        return;
    }
    struct dirent **names;
    const int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') read_seed(file);
        free(names[i]);
    }
    free(names);
}

// Pieces that matter to some parser or other.
static const char *const words[] = {
    "\n", "\r",       "\0",         "\"",           "\\",   "{",   "}",  "[",    "]",  ":",      ",",
    "0",  "-1",       "9999999999", "\xff",         "\xc3", "/",   "..", "@@ -", " +", "+++ b/", "diff ",
    "#",  "expires:", "race:",      "\"findings\"", "null", "1e9", "\t", "*",    "$",  "^"};
static size_t insert(uint8_t *p, size_t n, size_t at, const void *what, size_t k)
{
    if (n + k > LONGEST) return n;
    memmove(p + at + k, p + at, n - at);
    memcpy(p + at, what, k);
    return n + k;
}
static size_t change(uint8_t *p, size_t n)
{
    const size_t at = any(n + 1), k = any(n - at + 1) % 64;
    const struct seed *const other = &seeds[any(nseeds)];
    const char *const word = words[any(sizeof words / sizeof *words)];
    switch (any(6)) {
    case 0:
        if (at < n) p[at] = (uint8_t)any(256);
        return n;
    case 1: memmove(p + at, p + at + k, n - at - k); return n - k;
    case 2: return insert(p, n, at, word, *word ? strlen(word) : 1);
    case 3: return other->n ? insert(p, n, at, other->data + any(other->n) / 2, (other->n + 1) / 2) : n;
    case 4: return at; // cut
    default:
        if (at < n) p[at] ^= (uint8_t)(1u << any(8));
        return n;
    }
}

int main(int argc, char **argv)
{
    long rounds = 20000;
    for (int o; (o = getopt(argc, argv, "n:s:")) != -1;)
        if (o == 'n')
            rounds = atol(optarg);
        else if (o == 's')
            state = strtoull(optarg, NULL, 10) | 1;
        else
            return 2;
    for (int i = optind; i < argc; i++) read_seeds(argv[i]);
    if (!nseeds) return fprintf(stderr, "no seeds\n"), 2;
    for (size_t i = 0; i < nseeds; i++) LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].n);
    for (long round = 0; round < rounds; round++) {
        static uint8_t text[LONGEST];
        const struct seed *const s = &seeds[any(nseeds)];
        size_t n = s->n;
        memcpy(text, s->data, n);
        for (uint64_t k = 1 + any(6); k > 0; k--) n = change(text, n);
        uint8_t *const exact = malloc(n ? n : 1); // so that AddressSanitizer sees a step beyond its end
        if (!exact) return 2;
        memcpy(exact, text, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
    printf("%ld inputs from %zu seeds\n", rounds, nseeds);
    return 0;
}
