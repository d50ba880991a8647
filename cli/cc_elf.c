// cc_elf.c: finds libtsan among the inputs of a link. Two runtimes under one set of hooks corrupt each other, and
// what the user would see of it is a crash before main.
#include "cli/cc.h"

#include <ar.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A file in memory. Nothing in it is believed: every offset passes inside().
struct image {
    const char *p;
    size_t n;
};
static bool inside(const struct image *f, uint64_t at, uint64_t bytes) { return at <= f->n && bytes <= f->n - at; }

// A NUL-terminated string within a string table, or "".
static const char *string_at(const struct image *f, const Elf64_Shdr *strings, uint64_t at)
{
    if (at >= strings->sh_size || !inside(f, strings->sh_offset, strings->sh_size)) return "";
    const char *const s = f->p + strings->sh_offset + at;
    return memchr(s, '\0', strings->sh_size - at) ? s : "";
}

static bool names_libtsan(const char *library)
{
    return strncmp(library, "libtsan.", 8) == 0 || strncmp(library, "libclang_rt.tsan", 16) == 0;
}
// DT_NEEDED of a shared object; a definition of __tsan_init in an object file, or in a runtime under another name.
static bool dynamic_has(const struct image *f, const Elf64_Shdr *s, const Elf64_Shdr *strings)
{
    const Elf64_Dyn *const d = (const void *)(f->p + s->sh_offset);
    for (size_t i = 0; i < s->sh_size / sizeof *d; i++)
        if (d[i].d_tag == DT_NEEDED && names_libtsan(string_at(f, strings, d[i].d_un.d_val))) return true;
    return false;
}
static bool symbols_have(const struct image *f, const Elf64_Shdr *s, const Elf64_Shdr *strings)
{
    bool init = false, ours = false;
    const Elf64_Sym *const y = (const void *)(f->p + s->sh_offset);
    for (size_t i = 0; i < s->sh_size / sizeof *y; i++) {
        if (y[i].st_shndx == SHN_UNDEF || ELF64_ST_BIND(y[i].st_info) == STB_LOCAL) continue;
        const char *const name = string_at(f, strings, y[i].st_name);
        init |= strcmp(name, "__tsan_init") == 0;
        ours |= strcmp(name, "ravel_copy") == 0;
    }
    return init && !ours;
}
static bool elf_has_libtsan(const struct image *f)
{
    const Elf64_Ehdr *const h = (const void *)f->p;
    if (!inside(f, 0, sizeof *h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64)
        return false;
    if (h->e_shentsize != sizeof(Elf64_Shdr) || !inside(f, h->e_shoff, (uint64_t)h->e_shnum * sizeof(Elf64_Shdr)))
        return false;
    const Elf64_Shdr *const sections = (const void *)(f->p + h->e_shoff);
    for (unsigned i = 0; i < h->e_shnum; i++) {
        const Elf64_Shdr *const s = &sections[i];
        if (s->sh_link >= h->e_shnum || !inside(f, s->sh_offset, s->sh_size)) continue;
        if (s->sh_type == SHT_DYNAMIC && dynamic_has(f, s, &sections[s->sh_link])) return true;
        if ((s->sh_type == SHT_SYMTAB || s->sh_type == SHT_DYNSYM) && symbols_have(f, s, &sections[s->sh_link]))
            return true;
    }
    return false;
}

// The first member of an archive with an index lists the names that its members define.
static bool index_has(const struct image *f, const char *name)
{
    const struct ar_hdr *const h = (const void *)(f->p + SARMAG);
    if (!inside(f, SARMAG, sizeof *h) || memcmp(h->ar_name, "/ ", 2) != 0) return false;
    const char *const names = (const char *)(h + 1);
    size_t n = 0;
    for (int i = 0; i < (int)sizeof h->ar_size && h->ar_size[i] >= '0' && h->ar_size[i] <= '9'; i++)
        n = n * 10 + (size_t)(h->ar_size[i] - '0');
    if (!inside(f, SARMAG + sizeof *h, n)) return false;
    const size_t k = strlen(name) + 1;
    const char *const p = memmem(names, n, name, k); // NUL included
    return p && p > names && p[-1] == '\0';
}
static bool archive_has_libtsan(const struct image *f)
{
    return index_has(f, "__tsan_init") && !index_has(f, "ravel_copy");
}

static bool file_has_libtsan(const char *path)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false; // the compiler says it better
    bool found = false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > SARMAG) {
        struct image f = {mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0), (size_t)st.st_size};
        if (f.p != MAP_FAILED) {
            found = memcmp(f.p, ARMAG, SARMAG) == 0 ? archive_has_libtsan(&f) : elf_has_libtsan(&f);
            munmap((void *)f.p, f.n);
        }
    }
    close(fd);
    return found;
}

static void refuse(const char *as, const char *path)
{
    if (file_has_libtsan(path))
        cli_die(as, "%s has libtsan linked in; link it again with `ravel cc` in the compiler's place", path);
}
// -lNAME as the linker looks for it, in the directories of -L. What the compiler adds by itself has no libtsan.
static void refuse_library(const char *as, const struct cc_list *dirs, const char *name)
{
    if (strcmp(name, "tsan") == 0) cli_die(as, "-ltsan: Ravel takes libtsan's place; leave the option out");
    for (size_t i = 0; i < dirs->n; i++)
        for (int kind = 0; kind < 2; kind++) {
            char *const path = cli_printf("%s/lib%s%s", dirs->v[i], name, kind ? ".a" : ".so");
            if (access(path, R_OK) == 0) {
                refuse(as, path);
                return;
            }
        }
}

void cc_elf_refuse_libtsan(const char *as, const struct cc_args *a)
{
    for (size_t i = 0; i < a->files.n; i++) refuse(as, a->files.v[i]);
    for (size_t i = 0; i < a->libs.n; i++) refuse_library(as, &a->dirs, a->libs.v[i]);
}
