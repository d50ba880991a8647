// The symboliser, asked over a pipe about this very program: good questions, bad ones, and noise.
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *to, *from;
static pid_t child;
static char self[4096];

static void start(void)
{
    int request[2], reply[2];
    cr_assert(pipe(request) == 0 && pipe(reply) == 0);
    child = fork();
    if (child == 0) {
        dup2(request[0], 0);
        dup2(reply[1], 1);
        for (int fd = 3; fd < 64; fd++) close(fd);
        execl(RAVEL_BINARY_DIR "/libexec/ravel/symbolize", "symbolize", (char *)NULL);
        _exit(127);
    }
    close(request[0]);
    close(reply[1]);
    to = fdopen(request[1], "w");
    from = fdopen(reply[0], "r");
    signal(SIGPIPE, SIG_IGN);
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
}
static int status_at_end(void)
{
    int status = -1;
    fclose(to);
    waitpid(child, &status, 0);
    fclose(from);
    return status;
}
static void stop(void) { cr_expect_eq(status_at_end(), 0, "it ends when its input does"); }

// Lines of the answer, without the empty one.
static char answer[8][5000];
static int ask(const char *request)
{
    fprintf(to, "%s\n", request);
    fflush(to);
    for (int n = 0; n < 8; n++) {
        cr_assert(fgets(answer[n], sizeof *answer, from), "no answer to \"%s\"", request);
        if (strcmp(answer[n], "\n") == 0) return n;
        answer[n][strlen(answer[n]) - 1] = 0;
    }
    cr_assert_fail("too many lines");
    return 0;
}
static int first_module(struct dl_phdr_info *info, size_t size, void *bias)
{
    (void)size;
    *(uintptr_t *)bias = info->dlpi_addr;
    return 1;
}
static int ask_at(char kind, const void *address, const char *build_id, const char *path)
{
    char request[5000];
    uintptr_t bias;
    dl_iterate_phdr(first_module, &bias);
    snprintf(request, sizeof request, "%c %lx %s %s", kind, (unsigned long)((uintptr_t)address - bias), build_id, path);
    return ask(request);
}

static volatile int sink;
struct part {
    char tag;
    short values[5];
    unsigned low : 3, high : 5;
};
struct part some_parts[3] = {{.tag = 1}};
static void *code_address;
static inline __attribute__((always_inline)) void innermost(void)
{
    sink++;
    __asm__ volatile("lea 0(%%rip), %0" : "=r"(code_address)); // INNERMOST
    sink++;
}
static __attribute__((noinline)) void around(void)
{
    sink++;
    innermost(); // AROUND
    sink++;
}
// The line of this file on which the mark stands.
static int line_of(const char *mark)
{
    char line[500], wanted[100];
    snprintf(wanted, sizeof wanted, "// %s\n", mark);
    FILE *f = fopen(__FILE__, "r");
    int found = 0;
    for (int n = 1; !found && fgets(line, sizeof line, f); n++)
        if (strstr(line, wanted)) found = n;
    fclose(f);
    return found;
}

Test(symbolize, inlined_functions, .init = start, .fini = stop)
{
    around();
    char wanted[5000];
    cr_assert_eq(ask_at('C', code_address, "-", self), 2);
    snprintf(wanted, sizeof wanted, "innermost\t%s\t%d\t", __FILE__, line_of("INNERMOST"));
    cr_expect_eq(strncmp(answer[0], wanted, strlen(wanted)), 0, "%s, not %s", answer[0], wanted);
    snprintf(wanted, sizeof wanted, "around\t%s\t%d\t", __FILE__, line_of("AROUND"));
    cr_expect_eq(strncmp(answer[1], wanted, strlen(wanted)), 0, "%s, not %s", answer[1], wanted);
}
static void expect_member(const void *address, const char *member)
{
    cr_assert_eq(ask_at('D', address, "-", self), 1);
    char name[100], start_offset[100], size[100];
    char *const fields = answer[0];
    cr_assert_eq(sscanf(fields, "%99[^\t]\t%99[^\t]\t%99[^\t]\t", name, start_offset, size), 3, "%s", fields);
    cr_expect_str_eq(name, "some_parts");
    cr_expect_eq((size_t)atoi(size), sizeof some_parts);
    char wanted[5000];
    snprintf(wanted, sizeof wanted, "%s\t%s\t%s\t%s\t%s\t", name, start_offset, size, member, __FILE__);
    cr_expect_eq(strncmp(fields, wanted, strlen(wanted)), 0, "%s, not %s", fields, wanted);
}
Test(symbolize, members, .init = start, .fini = stop)
{
    expect_member(&some_parts[0].tag, "[0].tag");
    expect_member(&some_parts[2].values[3], "[2].values[3]");
    expect_member((char *)&some_parts[1].values[4] + 2, "[1].low|high");
    expect_member((char *)&some_parts[1].tag + 1, "[1]"); // padding
}
Test(symbolize, source_lines, .init = start, .fini = stop)
{
    char request[5000], wanted[100] = "=innermost(); // AROUND";
    snprintf(request, sizeof request, "L %d %s", line_of("AROUND"), __FILE__);
    cr_assert_eq(ask(request), 1);
    cr_expect_str_eq(answer[0], wanted);
    snprintf(request, sizeof request, "L 1000000 %s", __FILE__);
    cr_expect_eq(ask(request), 0);
    cr_expect_eq(ask("L 1 /nonexistent"), 0);
    cr_expect_eq(ask("L 0 " __FILE__), 0);
    cr_expect_eq(ask("L -1 " __FILE__), 0);
}
Test(symbolize, another_build, .init = start, .fini = stop)
{
    cr_expect_eq(ask_at('C', (void *)around, "0123456789abcdef", self), 0, "the file is not the one that runs");
}
Test(symbolize, bad_requests, .init = start, .fini = stop)
{
    static const char *const bad[] = {
        "",        "C",           "C 1",        "C 1 -",           "C 1 - /nonexistent",
        "X 1 - /", "C zz - /tmp", "C 1 - /tmp", "D 1 - /dev/null", "D ffffffffffffffffffff - /bin/sh",
        "L",       "L x y",       " C 1 - x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_expect_eq(ask(bad[i]), 0, "%s", bad[i]);
}
// Files that are ELF at first sight: parts of this program with bytes changed. Any answer will do, as long as it comes.
Test(symbolize, broken_files, .init = start, .fini = stop)
{
    char path[] = "/tmp/ravel-broken-XXXXXX", request[200];
    static unsigned char image[1 << 22];
    FILE *f = fopen(self, "r");
    const size_t size = fread(image, 1, sizeof image, f);
    fclose(f);
    unsigned seed = 4711;
    cr_assert(mkdtemp(path));
    for (int round = 0; round < 40; round++) {
        char file[100];
        snprintf(file, sizeof file, "%s/%d", path, round);
        for (int i = 0; i < 50; i++) {
            seed = seed * 1103515245 + 12345;
            image[(round % 2 ? seed >> 8 : seed >> 8 & 0xfff) % size] = (unsigned char)(seed >> 24);
        }
        f = fopen(file, "w");
        fwrite(image, 1, size >> (round % 5), f);
        fclose(f);
        snprintf(request, sizeof request, "%c %x - %s", round % 3 ? 'C' : 'D', (seed >> 8) % (unsigned)size, file);
        fprintf(to, "%s\n", request);
        fflush(to);
        char line[5000];
        do {
            if (!fgets(line, sizeof line, from)) { // it died of this one: libdw's right, but it must not hang
                status_at_end();
                start();
                break;
            }
        } while (strcmp(line, "\n") != 0);
        unlink(file);
    }
    rmdir(path);
}
