// where.c: what is at a code address, for dumps.
//
// /proc/self/maps tells the modules, and each module's file the functions: .symtab, or .dynsym where it was stripped. So static
// functions have names, and neither dladdr nor the loader's lock is needed; a dump may be asked for in the middle of dlopen.
// Files are mapped when they are first needed and stay so; a name once found is kept in a small table.
#include "runtime/where.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/print.h"
#include "base/sys.h"

enum { MODULES = 128, PATHS = 16 << 10, KNOWN = 1024 };

struct module {
    uintptr_t lo, hi; // where it lies
    uintptr_t bias;   // address - st_value
    const char *path;
    bool opened;
    const Elf64_Sym *syms; // of its file; NULL: none
    uint64_t n_syms, strings_size;
    const char *strings;
};
static struct module modules[MODULES];
static int n_modules;
static char paths[PATHS];
static size_t paths_used;
static struct known {
    uintptr_t pc;
    struct rv__where where;
} known[KNOWN];

// ---- /proc/self/maps -------------------------------------------------------------------------------------------------

static uintptr_t hex(const char **s)
{
    uintptr_t v = 0;
    for (;; (*s)++) {
        const char c = **s;
        if (c >= '0' && c <= '9')
            v = v * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return v;
    }
}
static const char *keep(const char *path)
{
    const size_t n = base_strlen(path) + 1;
    if (PATHS - paths_used < n) return NULL;
    char *const p = paths + paths_used;
    for (size_t i = 0; i < n; i++) p[i] = path[i];
    paths_used += n;
    return p;
}
// "lo-hi perms offset dev inode   path". Mappings of one file that follow each other are one module.
static void see_line(const char *s)
{
    const uintptr_t lo = hex(&s), hi = (s++, hex(&s));
    while (*s && *s != '/') s++;
    if (!*s) return;
    struct module *const last = n_modules ? &modules[n_modules - 1] : NULL;
    if (last && base_strcmp(last->path, s) == 0) {
        last->hi = hi;
        return;
    }
    const char *const path = n_modules < MODULES ? keep(s) : NULL;
    if (path) modules[n_modules++] = (struct module){.lo = lo, .hi = hi, .bias = lo, .path = path};
}
static void see_modules(void)
{
    char text[1024]; // a line that does not fit is passed over
    size_t n = 0;
    const long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    n_modules = 0;
    paths_used = 0;
    for (long k; fd >= 0 && (k = sys_read((int)fd, text + n, sizeof text - n)) > 0;) {
        n += (size_t)k;
        size_t from = 0;
        for (size_t i = 0; i < n; i++) {
            if (text[i] != '\n') continue;
            text[i] = 0;
            see_line(text + from);
            from = i + 1;
        }
        if (from == 0) from = n;
        for (size_t i = from; i < n; i++) text[i - from] = text[i];
        n -= from;
    }
    if (fd >= 0) sys_call1(SYS_close, fd);
}

// ---- a module's file -------------------------------------------------------------------------------------------------

static const char *map_file(const char *path, uint64_t *size)
{
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return NULL;
    const long n = sys_call3(SYS_lseek, fd, 0, 2 /* SEEK_END */);
    const long p = n > 0 ? sys_call6(SYS_mmap, 0, n, PROT_READ, MAP_PRIVATE, fd, 0) : -1;
    sys_call1(SYS_close, fd);
    *size = (uint64_t)n;
    return p < 0 && p > -4096 ? NULL : (const char *)p;
}
static bool inside(uint64_t offset, uint64_t bytes, uint64_t size) { return offset <= size && bytes <= size - offset; }
static void take_symbols(struct module *m, const char *file, uint64_t size, const Elf64_Ehdr *e)
{
    if (!inside(e->e_shoff, (uint64_t)e->e_shnum * sizeof(Elf64_Shdr), size)) return;
    const Elf64_Shdr *const sections = (const void *)(file + e->e_shoff);
    for (int i = 0; i < e->e_shnum; i++) {
        const Elf64_Shdr *const s = &sections[i];
        if (s->sh_type != SHT_SYMTAB && (s->sh_type != SHT_DYNSYM || m->syms)) continue;
        if (s->sh_link >= e->e_shnum || !inside(s->sh_offset, s->sh_size, size)) continue;
        const Elf64_Shdr *const strings = &sections[s->sh_link];
        if (!inside(strings->sh_offset, strings->sh_size, size)) continue;
        m->syms = (const void *)(file + s->sh_offset);
        m->n_syms = s->sh_size / sizeof(Elf64_Sym);
        m->strings = file + strings->sh_offset;
        m->strings_size = strings->sh_size;
    }
}
static void open_module(struct module *m)
{
    uint64_t size = 0;
    m->opened = true;
    const char *const file = map_file(m->path, &size);
    if (!file || size < sizeof(Elf64_Ehdr) || base_strncmp(file, ELFMAG, SELFMAG) != 0) return;
    const Elf64_Ehdr *const e = (const void *)file;
    if (!inside(e->e_phoff, (uint64_t)e->e_phnum * sizeof(Elf64_Phdr), size)) return;
    const Elf64_Phdr *const ph = (const void *)(file + e->e_phoff);
    for (int i = 0; i < e->e_phnum; i++)
        if (ph[i].p_type == PT_LOAD) { // the first is the lowest
            m->bias = m->lo - (ph[i].p_vaddr & ~(uint64_t)4095);
            break;
        }
    take_symbols(m, file, size, e);
}
static const char *symbol_at(const struct module *m, uintptr_t at, int type)
{
    for (uint64_t i = 0; i < m->n_syms; i++) {
        const Elf64_Sym *const s = &m->syms[i];
        if (ELF64_ST_TYPE(s->st_info) == type && at - s->st_value < s->st_size && s->st_name < m->strings_size)
            return m->strings + s->st_name;
    }
    return NULL;
}
static struct module *module_of(uintptr_t pc)
{
    for (int i = 0; i < n_modules; i++)
        if (pc - modules[i].lo < modules[i].hi - modules[i].lo) return &modules[i];
    return NULL;
}
struct rv__where rv__where(uintptr_t pc)
{
    struct known *const k = &known[(pc ^ pc >> 10) % KNOWN];
    if (k->pc == pc) return k->where;
    struct module *m = module_of(pc);
    if (!m) { // the first time, or it was loaded since
        see_modules();
        m = module_of(pc);
    }
    if (!m) return (struct rv__where){0};
    if (!m->opened) open_module(m);
    k->where = (struct rv__where){symbol_at(m, pc - m->bias, STT_FUNC), m->path, pc - m->bias};
    k->pc = pc;
    return k->where;
}
struct rv__where rv__where_object(uintptr_t at)
{
    struct module *m = NULL; // .bss is of no file, so: the last one that begins below
    see_modules();
    for (int i = 0; i < n_modules; i++)
        if (modules[i].lo <= at) m = &modules[i];
    if (!m) return (struct rv__where){0};
    open_module(m);
    return (struct rv__where){symbol_at(m, at - m->bias, STT_OBJECT), m->path, at - m->bias};
}
