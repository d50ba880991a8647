// tls.c: the sizes of the modules' thread-local variables, from the list of modules that the dynamic linker keeps for debuggers.
#include "base/tls.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

// The program's file tells its own headers to nobody but the kernel; others begin with theirs.
static const ElfW(Phdr) * headers(const struct link_map *map, size_t *n)
{
    if (map == _r_debug.r_map) {
        *n = getauxval(AT_PHNUM);
        return (const void *)getauxval(AT_PHDR);
    }
    const ElfW(Ehdr) *e = (const void *)map->l_addr;
    if (map->l_addr == getauxval(AT_SYSINFO_EHDR) || !e) return NULL;
    *n = e->e_phnum;
    return (const void *)(map->l_addr + e->e_phoff);
}
size_t base_static_tls(void)
{
    size_t bytes = 0;
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
        size_t n = 0;
        const ElfW(Phdr) *ph = headers(map, &n);
        for (size_t i = 0; ph && i < n; i++)
            if (ph[i].p_type == PT_TLS) {
                const size_t align = ph[i].p_align ? ph[i].p_align : 1;
                bytes = (bytes + ph[i].p_memsz + align - 1) & ~(align - 1);
            }
    }
    return bytes;
}
