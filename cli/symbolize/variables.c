// variables.c: the data symbols of a module, and the entries of the debug information for variables with a fixed address.
// Both are read once, at the first question about the module's data: a report on a thousand locks asks thousands.
#include "symbolize.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_DEBUG_INFO = 64 << 20 }; // bytes; in larger ones the walk over all variables would keep a report waiting

struct variable {
    Dwarf_Addr addr; // as the debug information has it
    Dwarf_Off die;
};
struct data_index {
    struct object *objects;     // in no order
    struct variable *variables; // in order of address
    size_t nobjects, nvariables, object_room, variable_room;
    Dwarf *dwarf; // NULL: none, or too large
    Dwarf_Addr dwarf_bias;
};

static void *grown(void *old, size_t n, size_t *room, size_t size)
{
    if (n < *room) return old;
    *room = *room ? *room * 2 : 64;
    void *p = realloc(old, *room * size);
    if (!p) abort();
    return p;
}

// ---- symbols -------------------------------------------------------------------------------------------------

static void add_symbols(struct data_index *d, Dwfl_Module *mod)
{
    const int n = dwfl_module_getsymtab(mod);
    for (int i = 1; i < n; i++) {
        GElf_Sym sym;
        GElf_Addr at;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(mod, i, &sym, &at, &section, NULL, NULL);
        if (!name || !*name || GELF_ST_TYPE(sym.st_info) != STT_OBJECT || sym.st_shndx == SHN_UNDEF) continue;
        d->objects = grown(d->objects, d->nobjects, &d->object_room, sizeof *d->objects);
        d->objects[d->nobjects++] = (struct object){name, at, sym.st_size, GELF_ST_BIND(sym.st_info) != STB_LOCAL};
    }
}

// ---- variables -----------------------------------------------------------------------------------------------

// Is the variable's place a fixed address? DWARF 5 may name the address by its index in a table.
static bool has_address(Dwarf_Die *die, Dwarf_Addr *addr)
{
    Dwarf_Attribute a, indexed;
    Dwarf_Op *op;
    size_t n;
    if (dwarf_getlocation(dwarf_attr(die, DW_AT_location, &a), &op, &n) != 0) return false;
    if (n != 1 && !(n == 2 && op[1].atom == DW_OP_piece)) return false; // of what was optimised, a piece may be left
    *addr = op[0].number;
    if (op[0].atom == DW_OP_addr) return true;
    return op[0].atom == DW_OP_addrx && dwarf_getlocation_attr(&a, op, &indexed) == 0 &&
           dwarf_formaddr(&indexed, addr) == 0;
}
// Depth first through everything that can hold such a variable.
static void add_variables(struct data_index *d, Dwarf_Die *parent)
{
    Dwarf_Die die;
    Dwarf_Addr addr;
    if (dwarf_child(parent, &die) != 0) return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable:
            if (!has_address(&die, &addr)) break;
            d->variables = grown(d->variables, d->nvariables, &d->variable_room, sizeof *d->variables);
            d->variables[d->nvariables++] = (struct variable){addr, dwarf_dieoffset(&die)};
            break;
        case DW_TAG_subprogram:
        case DW_TAG_lexical_block:
        case DW_TAG_namespace: add_variables(d, &die); break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}
static bool small_enough(Dwarf *dwarf)
{
    Elf_Scn *scn = NULL;
    Elf *elf = dwarf_getelf(dwarf);
    size_t names, total = 0;
    if (elf_getshdrstrndx(elf, &names) != 0) return false;
    while ((scn = elf_nextscn(elf, scn))) {
        GElf_Shdr h;
        const char *name = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;
        if (name && strcmp(name, ".debug_info") == 0) total += h.sh_size;
    }
    return total <= LARGEST_DEBUG_INFO;
}
// Of two entries for one address the first in the file counts.
static int by_address(const void *x, const void *y)
{
    const struct variable *a = x, *b = y;
    if (a->addr != b->addr) return a->addr < b->addr ? -1 : 1;
    return a->die < b->die ? -1 : a->die > b->die;
}
static void add_units(struct data_index *d)
{
    Dwarf_Off at = 0, next;
    size_t header;
    Dwarf_Die cu;
    for (; dwarf_nextcu(d->dwarf, at, &next, &header, NULL, NULL, NULL) == 0; at = next)
        if (dwarf_offdie(d->dwarf, at + header, &cu)) add_variables(d, &cu);
    if (d->nvariables) qsort(d->variables, d->nvariables, sizeof *d->variables, by_address);
}

// ---- questions -----------------------------------------------------------------------------------------------

static struct data_index *data_of(struct module *m)
{
    if (m->data) return m->data;
    struct data_index *d = m->data = calloc(1, sizeof *d);
    if (!d) abort();
    add_symbols(d, m->mod);
    d->dwarf = dwfl_module_getdwarf(m->mod, &d->dwarf_bias);
    if (d->dwarf && !small_enough(d->dwarf)) d->dwarf = NULL;
    if (d->dwarf) add_units(d);
    return d;
}
const struct object *object_around(struct module *m, GElf_Addr addr)
{
    const struct data_index *const d = data_of(m);
    const struct object *best = NULL;
    for (size_t i = 0; i < d->nobjects; i++) {
        const struct object *const o = &d->objects[i];
        if (addr < o->start || addr - o->start >= o->size) continue;
        if (!best || o->size < best->size || (o->size == best->size && o->global && !best->global)) best = o;
    }
    return best;
}
bool variable_at(struct module *m, GElf_Addr addr, Dwarf_Die *cu, Dwarf_Die *variable)
{
    const struct data_index *const d = data_of(m);
    const Dwarf_Addr wanted = addr - d->dwarf_bias;
    size_t low = 0, high = d->nvariables; // the first entry at or above wanted lies in [low, high]
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (d->variables[middle].addr < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->nvariables && d->variables[low].addr == wanted &&
           dwarf_offdie(d->dwarf, d->variables[low].die, variable) && dwarf_diecu(variable, cu, NULL, NULL);
}
