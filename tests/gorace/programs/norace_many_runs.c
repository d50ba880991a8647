// norace_many_runs.c: what an rv_run leaves behind, the detectors forget: goroutines that are parked, asleep, or have not begun.
// 400 times nine of them may take 12 MB (stacks, most of it); if their strands were kept they would take 24.
#define OWN_MAIN
#include "gorace.h"

enum { RUNS = 500, FIRST = 100, MOST_KB = 12 << 10 };
static rv_chan *never;
static void parks(void *arg)
{
    (void)arg;
    char byte;
    rv_chan_recv(never, &byte);
}
static void sleeps(void *arg)
{
    (void)arg;
    rv_sleep(3600000000000);
}
static void yields(void *arg)
{
    (void)arg;
    for (;;) rv_gosched();
}
static void body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) rv_go(parks, NULL), rv_go(sleeps, NULL);
    rv_go(yields, NULL);
    rv_gosched();
    rv_go(parks, NULL);
    rv_go(parks, NULL);
}
static long resident_kb(void)
{
    char line[200];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmRSS: %ld", &kb);
    if (f) fclose(f);
    return kb;
}
int main(void)
{
    long before = 0;
    never = rv_chan_make(1, 0);
    for (int i = 0; i < RUNS; i++) {
        if (i == FIRST) before = resident_kb();
        if (rv_run(body, NULL) != 0) abort();
    }
    const long more = resident_kb() - before;
    if (more > MOST_KB) printf("%ld kB more\n", more);
    return more > MOST_KB;
}
