// detector/modules.c: the modules of the process, from /proc/self/maps and the ELF headers in memory.
//
// The loader is not asked: dl_iterate_phdr takes its lock, and a report may be made inside dlopen. A file's segments
// are consecutive mappings of one path; the first begins with the ELF header, from which come the load bias, the
// extent (bss included) and the build id. Memory is read by process_vm_readv, so that a module that vanishes
// meanwhile is a module unknown, and no fault.
#include "detector/modules.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "base/hash.h"
#include "base/print.h"
#include "base/sys.h"

enum { MAPS_MAX = 64 << 20, RANGES_MAX = 1 << 16, PHDRS_MAX = 64, NOTE_MAX = 1024 };

struct range {
    uintptr_t lo, hi, bias;
    const struct det_module *module;
};
static struct range *ranges; // in order of address
static uint32_t nranges;

struct text {
    UT_hash_handle hh;
    char s[];
};
static struct text *texts;
struct known_module {
    struct det_module m;
    struct known_module *next;
};
static struct known_module *known;

const char *det_intern(const char *s, size_t n)
{
    struct text *t;
    HASH_FIND(hh, texts, s, n, t);
    if (t) return t->s;
    t = base_alloc(sizeof *t + n + 1);
    for (size_t i = 0; i < n; i++) t->s[i] = s[i];
    HASH_ADD_KEYPTR(hh, texts, t->s, n, t);
    return t->s;
}

static bool peek(uintptr_t addr, void *out, size_t n)
{
    struct iovec here = {out, n}, there = {(void *)addr, n};
    return sys_call6(SYS_process_vm_readv, sys_getpid(), (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

static void set_build_id(char hex[65], const unsigned char *id, size_t n)
{
    BASE_BUF(b, 65);
    for (size_t i = 0; i < n && i < 32; i++) base_putf(&b, "%02x", id[i]);
    for (size_t i = 0; i <= b.n; i++) hex[i] = b.p[i];
}
static void read_notes(uintptr_t addr, size_t n, char hex[65])
{
    unsigned char notes[NOTE_MAX];
    if (n > sizeof notes) n = sizeof notes;
    if (!peek(addr, notes, n)) return;
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= n;) {
        const Elf64_Nhdr *h = (const Elf64_Nhdr *)(notes + at);
        const size_t name = at + sizeof *h, desc = name + ((h->n_namesz + 3u) & ~3u);
        if (h->n_descsz > n || desc > n || desc + h->n_descsz > n) return;
        if (h->n_type == NT_GNU_BUILD_ID && h->n_namesz == 4 && notes[name] == 'G') {
            set_build_id(hex, notes + desc, h->n_descsz);
            return;
        }
        at = desc + ((h->n_descsz + 3u) & ~3u);
    }
}
static const struct det_module *module_of(const char *path, size_t n, const char *build_id)
{
    const char *const interned = det_intern(path, n);
    for (struct known_module *k = known; k; k = k->next)
        if (k->m.path == interned && base_strcmp(k->m.build_id, build_id) == 0) return &k->m;
    struct known_module *k = base_alloc(sizeof *k);
    k->m.path = k->m.name = interned;
    for (const char *p = interned; *p; p++)
        if (*p == '/' && p[1]) k->m.name = p + 1;
    for (size_t i = 0; i < sizeof k->m.build_id; i++) k->m.build_id[i] = build_id[i];
    k->next = known;
    known = k;
    return &k->m;
}
// The file that is mapped at lo from its first byte on: if it is ELF, a range.
static void add_module(uintptr_t lo, const char *path, size_t n)
{
    Elf64_Ehdr e;
    Elf64_Phdr p[PHDRS_MAX];
    if (nranges == RANGES_MAX || !peek(lo, &e, sizeof e) || e.e_ident[0] != 0x7f || e.e_ident[1] != 'E') return;
    if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof *p || e.e_phnum > PHDRS_MAX) return;
    if (!peek(lo + e.e_phoff, p, e.e_phnum * sizeof *p)) return;
    const uintptr_t page = ~(uintptr_t)4095;
    uintptr_t bias = 0, end = 0;
    bool based = false;
    for (int i = 0; i < e.e_phnum; i++) {
        if (p[i].p_type != PT_LOAD) continue;
        if (!based) bias = lo - ((p[i].p_vaddr - p[i].p_offset) & page), based = true;
        if (p[i].p_vaddr + p[i].p_memsz > end) end = p[i].p_vaddr + p[i].p_memsz;
    }
    if (!based) return;
    char build_id[65] = "";
    for (int i = 0; i < e.e_phnum && !build_id[0]; i++)
        if (p[i].p_type == PT_NOTE) read_notes(bias + p[i].p_vaddr, p[i].p_memsz, build_id);
    ranges[nranges++] = (struct range){lo, (bias + end + 4095) & page, bias, module_of(path, n, build_id)};
}

// ---- /proc/self/maps -----------------------------------------------------------------------------------------

static uintptr_t take_hex(const char **p)
{
    uintptr_t v = 0;
    for (;; (*p)++) {
        const char c = **p;
        if (c >= '0' && c <= '9')
            v = v * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v * 16 + (uintptr_t)(c - 'a') + 10;
        else
            return v;
    }
}
static void skip_word(const char **p)
{
    while (**p && **p != ' ' && **p != '\n') (*p)++;
    while (**p == ' ') (*p)++;
}
struct start { // the latest mapping of a file's first byte
    uintptr_t lo;
    const char *path;
    size_t n;
    bool added;
};
// lo-hi perms offset device inode path
static const char *read_line(const char *p, struct start *s)
{
    const uintptr_t lo = take_hex(&p);
    p++;
    take_hex(&p);
    p++;
    const bool executable = p[0] && p[1] && p[2] == 'x';
    skip_word(&p);
    const uintptr_t offset = take_hex(&p);
    for (int i = 0; i < 3; i++) skip_word(&p);
    const char *const path = p;
    while (*p && *p != '\n') p++;
    const size_t n = (size_t)(p - path);
    if (n && offset == 0) *s = (struct start){lo, path, n, false};
    const bool same = n && n == s->n && base_strncmp(path, s->path, n) == 0;
    if (executable && same && !s->added) {
        s->added = true;
        add_module(s->lo, path, n);
    }
    return *p ? p + 1 : p;
}
static size_t read_maps(char *buf)
{
    const long fd = sys_call4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    size_t n = 0;
    long k;
    while (n < MAPS_MAX - 1 && (k = sys_read((int)fd, buf + n, MAPS_MAX - 1 - n)) > 0) n += (size_t)k;
    sys_call1(SYS_close, fd);
    buf[n] = 0;
    return n;
}
void det_modules_refresh(void)
{
    if (!ranges && !(ranges = sys_reserve(RANGES_MAX * sizeof *ranges))) return;
    char *buf = sys_reserve(MAPS_MAX);
    if (!buf) return;
    nranges = 0;
    struct start s = {0, NULL, 0, true};
    read_maps(buf);
    for (const char *p = buf; *p;) p = read_line(p, &s);
    sys_unmap(buf, MAPS_MAX);
}
const struct det_module *det_modules_find(uintptr_t addr, uintptr_t *offset)
{
    for (uint32_t i = 0; i < nranges; i++)
        if (addr >= ranges[i].lo && addr < ranges[i].hi) {
            *offset = addr - ranges[i].bias;
            return ranges[i].module;
        }
    *offset = addr;
    return NULL;
}
