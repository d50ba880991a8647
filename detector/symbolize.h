// detector/symbolize.h: from addresses to names, by asking the symboliser.
//
// The symboliser (cli/symbolize/) is a program of its own, so that libdw stays out of the programs we check. It is
// started at the first report, in a clean environment, as a process that the program's wait() does not see, and
// answers over a socket. Its path: RAVEL_SYMBOLIZER in the environment (a file); else `symbolize` in the directory
// that is written in the section .ravel.home of the runtime (the build's; an installation writes its own there). When
// it is not there, dies or does not answer in time, module, offset and build id are all that is known; that is said
// once.
//
// Callers: report.c and the printers, one at a time (report.c's lock), outside every lock of the detector's. All that
// is returned lives for ever.
#ifndef DETECTOR_SYMBOLIZE_H
#define DETECTOR_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct det_module { // a mapped ELF file
    const char *path;
    const char *name;  // the last component of path
    char build_id[65]; // hex; "" when it has none
};
struct det_symbol {        // one function at one pc: the innermost inlined one first
    const char *function;  // NULL: unknown
    const char *file;      // NULL: unknown
    uint32_t line, column; // 0: unknown
};
struct det_place {                   // what is known about one pc
    const struct det_module *module; // NULL: in no file
    uintptr_t offset;                // in the module's own addresses, as addr2line takes them
    uint32_t nsyms;
    struct det_symbol *sym;
};
struct det_global {                  // the object at a data address
    const struct det_module *module; // NULL: none
    uintptr_t offset;                // of the address, in the module's own addresses
    const char *name;                // NULL: unknown
    uintptr_t start;                 // of the object, in the process
    size_t size;
    const char *member; // ".field", "[3].next" and such, where the debug information tells; else ""
    const char *file;   // where it is declared; NULL: unknown
    uint32_t line;
};

// Reads the environment; at start, while it is still the one the process began with.
void det_symbolize_start(void);
// Reads the list of modules again; before the first look-up of each report.
void det_symbolize_refresh(void);
// What lies at pc (of the instruction itself, not a return address).
const struct det_place *det_symbolize_code(uintptr_t pc);
// The start of the global at addr, to tell objects apart: cheap when it was asked for before. 0: none known.
uintptr_t det_symbolize_object(uintptr_t addr);
// The global at addr; module is NULL when no module has data there.
struct det_global det_symbolize_data(uintptr_t addr);
// Text of a source line without its surrounding blanks; "" when the file is not there.
const char *det_symbolize_line(const char *file, uint32_t line);
// Ends the symboliser and waits for it; at the end of the process.
void det_symbolize_stop(void);
// In the child of a fork: the parent's symboliser is not ours.
void det_symbolize_forked(void);

#endif
