// instrument/io.h: what a call on a descriptor does to memory and to the order of things; io.c has the idea.
#ifndef INSTRUMENT_IO_H
#define INSTRUMENT_IO_H

#include "instrument/interpose.h"

// Before a call that puts out what the count parts of v name.
void ins_fd_out(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t count);
// After one that returned result; not negative: so many bytes went where v says.
void ins_fd_in(struct det_strand *s, uintptr_t pc, int fd, const struct iovec *v, size_t count, ssize_t result);

#endif
