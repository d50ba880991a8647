// detector/modules.h: which ELF files are mapped where. For reports: read when one is printed, never before.
// Callers: symbolize.c, under report.c's lock.
#ifndef DETECTOR_MODULES_H
#define DETECTOR_MODULES_H

#include "detector/symbolize.h"

// Reads /proc/self/maps and the headers of what is mapped. Modules live for ever; where they are may change.
void det_modules_refresh(void);
// The module whose memory holds addr, and addr in the module's own addresses; NULL, and *offset = addr, when none does.
const struct det_module *det_modules_find(uintptr_t addr, uintptr_t *offset);
// One copy of each distinct text, which lives for ever.
const char *det_intern(const char *text, size_t n);

#endif
