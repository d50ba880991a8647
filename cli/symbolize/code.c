// code.c: the functions at a pc, with those that were inlined into each other there.
//
// The line table gives the line of the innermost function. Each inlined instance says where it was called, which is
// the line of the function around it. Without debug information, the symbol table still has the function's name.
#include "symbolize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct where {
    const char *file;
    int line, column;
};

void put_file(Dwarf_Die *cu, const char *file)
{
    if (!file) return;
    while (file[0] == '.' && file[1] == '/') file += 2;
    Dwarf_Attribute a;
    const char *dir = *file == '/' || !cu ? NULL : dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &a));
    if (dir) {
        put(dir);
        putchar('/');
    }
    for (; *file; file++) { // "/./" says nothing
        while (strncmp(file, "/./", 3) == 0) file += 2;
        putchar(*file == '\t' || *file == '\n' ? ' ' : *file);
    }
}
static void put_frame(Dwarf_Die *cu, const char *function, const struct where *w)
{
    put(function);
    putchar('\t');
    put_file(cu, w->file);
    printf("\t%d\t%d\n", w->line, w->column);
}
static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &a));
}
int number(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute a;
    Dwarf_Word v;
    return dwarf_formudata(dwarf_attr(die, attribute, &a), &v) == 0 ? (int)v : 0;
}
const char *file_of(Dwarf_Die *cu, Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Files *files;
    size_t n;
    const size_t index = (size_t)number(die, attribute); // from DWARF 5 on, 0 is a file too
    if (!dwarf_hasattr(die, attribute) || dwarf_getsrcfiles(cu, &files, &n) != 0 || index >= n) return NULL;
    return dwarf_filesrc(files, index, NULL, NULL);
}
static struct where call_of(Dwarf_Die *cu, Dwarf_Die *inlined)
{
    return (struct where){file_of(cu, inlined, DW_AT_call_file), number(inlined, DW_AT_call_line),
                          number(inlined, DW_AT_call_column)};
}
// The unit that has code at pc. libdwfl looks by .debug_aranges, which clang does not write: where a program has units
// of both kinds it gives a neighbour, where there are none nothing. Then all are asked.
static Dwarf_Die *unit_at(const struct module *m, GElf_Addr pc, Dwarf_Addr *bias)
{
    Dwarf_Die *cu = dwfl_module_addrdie(m->mod, pc, bias);
    if (cu && dwarf_haspc(cu, pc - *bias) > 0) return cu;
    cu = NULL;
    while ((cu = dwfl_module_nextcu(m->mod, cu, bias)))
        if (dwarf_haspc(cu, pc - *bias) > 0) return cu;
    return NULL;
}
static struct where line_of(Dwarf_Die *cu, Dwarf_Addr addr)
{
    struct where w = {NULL, 0, 0};
    Dwarf_Line *line = dwarf_getsrc_die(cu, addr);
    if (!line) return w;
    w.file = dwarf_linesrc(line, NULL, NULL);
    dwarf_lineno(line, &w.line);
    dwarf_linecol(line, &w.column);
    return w;
}
// Prints a frame for each function in the chain of scopes from the innermost; false when there is none.
static bool put_scopes(Dwarf_Die *cu, Dwarf_Die *scope, int n, struct where at)
{
    for (int i = 0; i < n; i++) {
        const int tag = dwarf_tag(&scope[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
        put_frame(cu, name_of(&scope[i]), &at);
        if (tag == DW_TAG_subprogram) return true;
        at = call_of(cu, &scope[i]);
    }
    return false;
}
void code_answer(struct module *m, GElf_Addr offset)
{
    const GElf_Addr pc = offset + m->bias;
    Dwarf_Addr bias;
    Dwarf_Die *cu = unit_at(m, pc, &bias), *lexical = NULL, *chain = NULL;
    const struct where at = cu ? line_of(cu, pc - bias) : (struct where){NULL, 0, 0};
    bool done = false;
    if (cu && dwarf_getscopes(cu, pc - bias, &lexical) > 0) {
        // What getscopes gives beyond an inlined function is where that was defined, not who called it.
        const int n = dwarf_getscopes_die(&lexical[0], &chain);
        done = n > 0 && put_scopes(cu, chain, n, at);
    }
    free(lexical);
    free(chain);
    if (done) return;
    const char *symbol = dwfl_module_addrname(m->mod, pc);
    if (symbol || at.file) put_frame(cu, symbol, &at);
}
