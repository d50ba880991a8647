// tests/gorace/programs/gorace.h: what the programs in here share. tests/race/race.h says what the marks mean.
// body() is the main goroutine. `then` hands control from one goroutine to another by sleeping-free turns that the detector
// does not see: a plain counter in code that is not instrumented, and rv_gosched. With OWN_MAIN a program brings its own main.
#ifndef GORACE_H
#define GORACE_H

#include <ravel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET __attribute__((no_sanitize("thread"), noinline, unused))
static volatile int turn_now; // not atomic: clang instruments atomics even here
QUIET static void turn(int n) // waits for turn n
{
    while (turn_now < n) rv_gosched();
}
QUIET static void next_turn(void) { turn_now = turn_now + 1; } // by one goroutine at a time

#ifndef OWN_MAIN
static void body(void *arg);
int main(void) { return rv_run(body, NULL); }
#endif

#endif
