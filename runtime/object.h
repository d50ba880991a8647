// object.h: memory for objects that public functions make and free outside of sections. What has to be made inside one: small.h.
#ifndef RUNTIME_OBJECT_H
#define RUNTIME_OBJECT_H

#include <stddef.h>

// 64-byte aligned, and holds anything. No memory: the program's end, which says what it was for. bytes is not 0.
void *rv__object_make(size_t bytes, const char *what);
// bytes: as they were asked for. The detectors forget what they know of it.
void rv__object_free(void *p, size_t bytes);

#endif
