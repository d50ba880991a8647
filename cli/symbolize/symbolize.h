// symbolize.h: what the files of the symboliser share.
#ifndef CLI_SYMBOLIZE_H
#define CLI_SYMBOLIZE_H

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

// An ELF file with its debug information, opened once. Addresses are the file's own ("offsets" in the protocol);
// bias is what libdwfl adds to them.
struct module {
    char *path;
    char build_id[65];
    Dwfl *dwfl;
    Dwfl_Module *mod; // NULL: cannot be read
    GElf_Addr bias;
    struct data_index *data; // variables.c; NULL: not read yet
    struct module *next;
};
struct object { // a data symbol
    const char *name;
    GElf_Addr start; // libdwfl's address
    GElf_Xword size;
    bool global;
};
// The module of this path whose build id is this ("-": any); never NULL, but mod is when there is no such file.
struct module *module_open(const char *path, const char *build_id);

// Each prints the lines of its answer (see main.c), without the empty line that ends it.
void code_answer(struct module *m, GElf_Addr offset);
void data_answer(struct module *m, GElf_Addr offset);
void line_answer(const char *file, long line);

// The smallest data symbol around addr, of equals a global one; NULL: none.
const struct object *object_around(struct module *m, GElf_Addr addr);
// The debug information's entry for the variable that begins at addr, and the unit it is in.
bool variable_at(struct module *m, GElf_Addr addr, Dwarf_Die *cu, Dwarf_Die *variable);

// Prints s without the characters that the protocol needs; "" for NULL.
void put(const char *s);
// A number that the entry has as an attribute; 0 where it has none.
int number(Dwarf_Die *die, unsigned attribute);
// The file to which the entry, in unit cu, refers by its number; NULL where it does not.
const char *file_of(Dwarf_Die *cu, Dwarf_Die *die, unsigned attribute);
// Prints a file name, made absolute by the directory that its compilation unit names.
void put_file(Dwarf_Die *cu, const char *file);

#endif
