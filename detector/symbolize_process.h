// detector/symbolize_process.h: the symboliser as a child process. Callers: symbolize.c.
#ifndef DETECTOR_SYMBOLIZE_PROCESS_H
#define DETECTOR_SYMBOLIZE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

// A descriptor of ours in a process whose program may close or reuse any number. Checked before each use.
struct det_fd {
    int fd; // -1: none
    unsigned long device, inode;
};
// Takes over fd: moves it to a high number that the program will not expect to get, close-on-exec.
struct det_fd det_fd_keep(int fd);
// Is it still the same file?
bool det_fd_good(const struct det_fd *f);
void det_fd_close(struct det_fd *f);

// Where it was told to be, by the environment, at start.
void det_symbolizer_configure(void);
// Sends a request, which ends in a newline, and returns the answer's lines, without the empty line that ends it;
// NULL when there is no symboliser. Starts it when needed. The answer lives until the next call.
const char *det_symbolizer_ask(const char *request, size_t n);
void det_symbolizer_stop(void);
void det_symbolizer_forked(void);

#endif
