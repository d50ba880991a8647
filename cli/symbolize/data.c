// data.c: the global at an address, and what part of it the address is, by its type.
#include "symbolize.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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
static void put_variable(struct module *m, const struct object *o, GElf_Addr addr)
{
    Dwarf_Die cu, variable;
    if (!variable_at(m, o->start, &cu, &variable)) {
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
void data_answer(struct module *m, GElf_Addr offset)
{
    const struct object *const o = object_around(m, offset + m->bias);
    if (!o) return;
    printf("%.*s\t%llx\t%llu", length_without_number(o->name), o->name, (unsigned long long)(o->start - m->bias),
           (unsigned long long)o->size);
    put_variable(m, o, offset + m->bias);
}
