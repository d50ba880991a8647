// The symboliser: turns module offsets into functions, files and lines for a program that Ravel checks.
//
// It is a process of its own so that libdw and what hangs on it never share a process with the program. Requests
// come on stdin, one a line; the fields of an answer are separated by tabs, and an empty line ends it:
//
//   C OFFSET BUILD_ID PATH   code: one line per function at that pc, innermost inlined first: function, file, line, column
//   D OFFSET BUILD_ID PATH   data: at most one line: name, start offset, size, member, file, line
//   L LINE FILE              source text: "=" and the line without its surrounding blanks
//
// OFFSET is hexadecimal, in the file's own addresses; BUILD_ID is "-" where it is not known. A field that is not known is
// empty, and 0 where it is a number. Ends when stdin does, or when an answer takes too long (debug information may be
// broken). Other signals stay blocked, as they were when it was started: it outlives an interrupt from the keyboard for
// as long as the program it serves.
#include "symbolize.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 30 }; // longer than anybody waits (detector/symbolize_process.c)

void put(const char *s)
{
    for (; s && *s; s++) putchar(*s == '\t' || *s == '\n' || *s == '\r' ? ' ' : *s);
}

void line_answer(const char *file, long line)
{
    FILE *f = fopen(file, "r");
    if (!f) return;
    char *text = NULL;
    size_t room = 0;
    ssize_t n = -1;
    for (long i = 0; i < line; i++)
        if ((n = getline(&text, &room, f)) < 0) break;
    if (n >= 0 && line > 0) {
        while (n > 0 && strchr(" \t\r\n", text[n - 1])) text[--n] = 0;
        putchar('=');
        put(text + strspn(text, " \t"));
        putchar('\n');
    }
    free(text);
    fclose(f);
}

// Takes the next word off *s; the last field of a request, a path, is what remains.
static char *word(char **s)
{
    char *w = *s;
    *s += strcspn(*s, " ");
    if (**s) *(*s)++ = 0;
    return w;
}
static void answer(char *request)
{
    const char *kind = word(&request);
    if (strcmp(kind, "L") == 0) {
        const long line = strtol(word(&request), NULL, 10);
        line_answer(request, line);
    } else if (strcmp(kind, "C") == 0 || strcmp(kind, "D") == 0) {
        const GElf_Addr offset = strtoull(word(&request), NULL, 16);
        const char *build_id = word(&request);
        struct module *m = module_open(request, build_id);
        if (m->mod) (*kind == 'C' ? code_answer : data_answer)(m, offset);
    }
    putchar('\n');
    fflush(stdout);
}
int main(void)
{
    unsetenv("DEBUGINFOD_URLS"); // never the network
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    char *request = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&request, &room, stdin)) > 0) {
        if (request[n - 1] == '\n') request[n - 1] = 0;
        alarm(ANSWER_SECONDS);
        answer(request);
        alarm(0);
        if (ferror(stdout)) return 1; // the program is gone
    }
    free(request);
    return 0;
}
