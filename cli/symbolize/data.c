// data.c: the global at an address: its symbol, and what part of it the address is, by its type.
#include "symbolize.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_DEBUG_INFO = 64 << 20 }; // bytes; in larger ones the walk over all variables would keep a report waiting

struct object {
    const char *name;
    GElf_Addr start; // libdwfl's address
    GElf_Xword size;
};

// The smallest data symbol around addr; of equals the first global one.
static bool find_symbol(const struct module *m, GElf_Addr addr, struct object *out)
{
    bool found = false, global = false;
    const int n = dwfl_module_getsymtab(m->mod);
    for (int i = 1; i < n; i++) {
        GElf_Sym sym;
        GElf_Addr at;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(m->mod, i, &sym, &at, &section, NULL, NULL);
        if (!name || !*name || GELF_ST_TYPE(sym.st_info) != STT_OBJECT || sym.st_shndx == SHN_UNDEF) continue;
        if (addr < at || addr - at >= sym.st_size) continue;
        const bool is_global = GELF_ST_BIND(sym.st_info) != STB_LOCAL;
        if (found && (sym.st_size > out->size || (sym.st_size == out->size && global))) continue;
        *out = (struct object){name, at, sym.st_size};
        found = true;
        global = is_global;
    }
    return found;
}

// ---- the variable in the debug information -------------------------------------------------------------------

// Is the variable's place this fixed address? DWARF 5 may name the address by its index in a table.
static bool is_at(Dwarf_Die *die, Dwarf_Addr addr)
{
    Dwarf_Attribute a, indexed;
    Dwarf_Op *op;
    Dwarf_Addr found;
    size_t n;
    if (dwarf_getlocation(dwarf_attr(die, DW_AT_location, &a), &op, &n) != 0) return false;
    if (n != 1 && !(n == 2 && op[1].atom == DW_OP_piece)) return false; // of what was optimised, a piece may be left
    if (op[0].atom == DW_OP_addr) return op[0].number == addr;
    return op[0].atom == DW_OP_addrx && dwarf_getlocation_attr(&a, op, &indexed) == 0 &&
           dwarf_formaddr(&indexed, &found) == 0 && found == addr;
}
// Depth first through everything that can hold a variable with a fixed address.
static bool find_variable(Dwarf_Die *parent, Dwarf_Addr addr, Dwarf_Die *out)
{
    Dwarf_Die die;
    if (dwarf_child(parent, &die) != 0) return false;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable:
            if (is_at(&die, addr)) {
                *out = die;
                return true;
            }
            break;
        case DW_TAG_subprogram:
        case DW_TAG_lexical_block:
        case DW_TAG_namespace:
            if (find_variable(&die, addr, out)) return true;
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}
static bool find_in_units(Dwarf *dwarf, Dwarf_Addr addr, Dwarf_Die *cu, Dwarf_Die *out)
{
    Dwarf_Off at = 0, next;
    size_t header;
    for (; dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0; at = next)
        if (dwarf_offdie(dwarf, at + header, cu) && find_variable(cu, addr, out)) return true;
    return false;
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

// ---- which part of it: a walk down the type ------------------------------------------------------------------

static bool type_of(Dwarf_Die *die, Dwarf_Die *out)
{
    Dwarf_Attribute a;
    Dwarf_Die type;
    return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &a), &type) && dwarf_peel_type(&type, out) == 0;
}
// The member that holds byte `offset`, which becomes an offset into it; bit-fields come below.
static bool find_member(Dwarf_Die *aggregate, Dwarf_Word *offset, Dwarf_Die *out)
{
    Dwarf_Die die;
    if (dwarf_child(aggregate, &die) != 0) return false;
    do {
        Dwarf_Attribute a;
        Dwarf_Word at = 0, size;
        Dwarf_Die type;
        if (dwarf_tag(&die) != DW_TAG_member || dwarf_hasattr(&die, DW_AT_bit_size)) continue;
        if (dwarf_attr(&die, DW_AT_data_member_location, &a) && dwarf_formudata(&a, &at) != 0) continue;
        if (!type_of(&die, &type) || dwarf_aggregate_size(&type, &size) != 0) continue;
        if (*offset < at || *offset - at >= size) continue;
        *offset -= at;
        *out = die;
        return true;
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}
// Bit-fields share bytes: prints all that have a bit in byte `offset`, ".a|b|c".
static void put_bit_fields(Dwarf_Die *aggregate, Dwarf_Word offset)
{
    Dwarf_Die die;
    char separator = '.';
    if (dwarf_child(aggregate, &die) != 0) return;
    do {
        Dwarf_Attribute a;
        if (dwarf_tag(&die) != DW_TAG_member || !dwarf_diename(&die)) continue;
        if (!dwarf_attr(&die, DW_AT_data_bit_offset, &a)) continue;
        const Dwarf_Word bit = (Dwarf_Word)number(&die, DW_AT_data_bit_offset);
        const Dwarf_Word bits = (Dwarf_Word)number(&die, DW_AT_bit_size);
        if (bit + bits <= offset * 8 || bit >= offset * 8 + 8) continue;
        putchar(separator);
        put(dwarf_diename(&die));
        separator = '|';
    } while (dwarf_siblingof(&die, &die) == 0);
}
static void put_member(Dwarf_Die *variable, Dwarf_Word offset)
{
    Dwarf_Die type, inner;
    if (!type_of(variable, &type)) return;
    for (;;) {
        Dwarf_Word size;
        switch (dwarf_tag(&type)) {
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            if (!find_member(&type, &offset, &inner)) {
                put_bit_fields(&type, offset);
                return;
            }
            if (dwarf_diename(&inner)) {
                putchar('.');
                put(dwarf_diename(&inner));
            }
            if (!type_of(&inner, &type)) return;
            break;
        case DW_TAG_array_type:
            if (!type_of(&type, &inner) || dwarf_aggregate_size(&inner, &size) != 0 || !size) return;
            printf("[%llu]", (unsigned long long)(offset / size));
            offset %= size;
            type = inner;
            break;
        default: return; // a scalar, or a union, whose members share their bytes
        }
    }
}

// Where it is declared: a definition may leave that to the declaration that it completes, and with -flto to the entry
// that it comes from, which lies in another unit.
static void put_declaration(Dwarf_Die *cu, Dwarf_Die *variable)
{
    Dwarf_Die other, other_cu;
    Dwarf_Attribute a;
    if (!dwarf_hasattr(variable, DW_AT_decl_file) &&
        (dwarf_formref_die(dwarf_attr(variable, DW_AT_specification, &a), &other) ||
         dwarf_formref_die(dwarf_attr(variable, DW_AT_abstract_origin, &a), &other)) &&
        dwarf_diecu(&other, &other_cu, NULL, NULL)) {
        variable = &other;
        cu = &other_cu;
    }
    put_file(cu, file_of(cu, variable, DW_AT_decl_file));
    printf("\t%d\n", number(variable, DW_AT_decl_line));
}
static void put_variable(const struct module *m, const struct object *o, GElf_Addr addr)
{
    Dwarf_Addr dwarf_bias;
    Dwarf *dwarf = dwfl_module_getdwarf(m->mod, &dwarf_bias);
    Dwarf_Die cu, variable;
    if (!dwarf || !small_enough(dwarf) || !find_in_units(dwarf, o->start - dwarf_bias, &cu, &variable)) {
        printf("\t\t\t0\n");
        return;
    }
    putchar('\t');
    put_member(&variable, addr - o->start);
    putchar('\t');
    put_declaration(&cu, &variable);
}
// gcc tells static locals of the same name apart by ".0", ".1"...; the number is not in the source.
static int length_without_number(const char *name)
{
    size_t n = strlen(name), k = n;
    while (k && isdigit((unsigned char)name[k - 1])) k--;
    return (int)(k > 1 && k < n && name[k - 1] == '.' ? k - 1 : n);
}
void data_answer(const struct module *m, GElf_Addr offset)
{
    struct object o = {NULL, 0, 0};
    if (!find_symbol(m, offset + m->bias, &o)) return;
    printf("%.*s\t%llx\t%llu", length_without_number(o.name), o.name, (unsigned long long)(o.start - m->bias),
           (unsigned long long)o.size);
    put_variable(m, &o, offset + m->bias);
}
