// A TAP producer: three tests, the second races. `tap [flush|write|line|none]`: how the lines leave the process.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int total; // not static: it must not be optimised away
static void *add(void *arg)
{
    total++;
    return arg;
}
static const char *how;
static void say(const char *line)
{
    if (strcmp(how, "write") == 0) {
        if (write(1, line, strlen(line)) < 0) return;
        return;
    }
    fputs(line, stdout);
    if (strcmp(how, "flush") == 0) fflush(stdout);
}
int main(int argc, char **argv)
{
    pthread_t a, b;
    how = argc > 1 ? argv[1] : "none";
    if (strcmp(how, "line") == 0) setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    say("1..3\n");
    say("ok 1 - nothing\n");
    pthread_create(&a, NULL, add, NULL);
    pthread_create(&b, NULL, add, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    say("ok 2 - adding\n");
    say("ok 3 - nothing\n");
    return 0;
}
