// resolve.c: finds the real functions behind our interposers (interpose.h says how and why).
//
// The dynamic linker's list of loaded objects is walked, and each object's GNU hash table asked. Nothing is called,
// except the resolvers of indirect functions (memcpy chooses by processor), which the dynamic linker calls just so.
// Runs once, inside ins_start; the list is not locked, because at that moment nobody loads or unloads anything, or,
// when a plugin brought us in, the loader that runs our constructor holds its own lock.
#include "instrument/interpose.h"

#include <elf.h>
#include <link.h>

#include "base/print.h"
#include "base/sys.h"

// Present in every copy of Ravel, so that one copy recognises another.
INTERFACE const char ravel_copy = 1;
extern const char ins_copy_here __attribute__((alias("ravel_copy"), visibility("hidden")));

struct object { // a loaded object's symbol tables; bucket NULL: it has none that we can read
    uintptr_t base;
    const ElfW(Sym) * sym;
    const char *str;
    const uint16_t *version; // may be NULL
    const uint32_t *bucket, *chain;
    const uint64_t *bloom;
    uint32_t nbuckets, first, nbloom, bloom_shift;
};

static void open_object(struct object *o, const struct link_map *map)
{
    *o = (struct object){.base = map->l_addr};
    const uint32_t *hash = NULL;
    for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
        // The dynamic linker has made these addresses absolute, except the vdso's.
        const uintptr_t p = d->d_un.d_ptr < map->l_addr ? d->d_un.d_ptr + map->l_addr : d->d_un.d_ptr;
        if (d->d_tag == DT_SYMTAB) o->sym = (const void *)p;
        if (d->d_tag == DT_STRTAB) o->str = (const void *)p;
        if (d->d_tag == DT_VERSYM) o->version = (const void *)p;
        if (d->d_tag == DT_GNU_HASH) hash = (const void *)p;
    }
    if (!hash || !o->sym || !o->str) return;
    o->nbuckets = hash[0], o->first = hash[1], o->nbloom = hash[2], o->bloom_shift = hash[3];
    o->bloom = (const void *)(hash + 4);
    o->bucket = (const void *)(o->bloom + o->nbloom);
    o->chain = o->bucket + o->nbuckets;
}
static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;
    for (; *name; name++) h = h * 33 + (unsigned char)*name;
    return h;
}
// A definition that a plain reference to the name would bind to: not a hidden (old) version.
static bool usable(const struct object *o, uint32_t i)
{
    enum { VERSION_HIDDEN = 0x8000 };
    return o->sym[i].st_shndx != SHN_UNDEF && (!o->version || !(o->version[i] & VERSION_HIDDEN));
}
static const ElfW(Sym) * find_symbol(const struct object *o, const char *name, uint32_t h)
{
    if (!o->bucket || o->nbuckets == 0) return NULL;
    const uint64_t word = o->bloom[h / 64 % o->nbloom];
    if (!(word >> h % 64 & word >> (h >> o->bloom_shift) % 64 & 1)) return NULL;
    uint32_t i = o->bucket[h % o->nbuckets];
    if (i < o->first) return NULL;
    for (;; i++) {
        const uint32_t here = o->chain[i - o->first];
        if ((here | 1) == (h | 1) && usable(o, i) && base_strcmp(o->str + o->sym[i].st_name, name) == 0)
            return &o->sym[i];
        if (here & 1) return NULL; // the end of the chain
    }
}
static void *address(const struct object *o, const ElfW(Sym) * s)
{
    const uintptr_t p = o->base + s->st_value;
    if (ELF64_ST_TYPE(s->st_info) != STT_GNU_IFUNC) return (void *)p;
    return ((void *(*)(void))p)();
}

enum { OBJECTS = 64 }; // more than that come before libc in no program we have seen; later ones are not asked
static int open_all(struct object *list)
{
    const struct link_map *map = _r_debug.r_map;
    for (; map && map->l_ld != _DYNAMIC;) map = map->l_next;
    const struct link_map *const own = map;
    int n = 0;
    const uint32_t copy = gnu_hash("ravel_copy");
    for (int pass = 0; pass < 2; pass++) { // what follows us, then (a plugin is behind libc) what precedes us
        map = pass == 0 && own ? own->l_next : _r_debug.r_map;
        for (; map && n < OBJECTS && !(pass == 1 && map == own); map = map->l_next) {
            open_object(&list[n], map);
            if (!find_symbol(&list[n], "ravel_copy", copy)) n++;
        }
        if (!own) break;
    }
    return n;
}
static void *find(const struct object *list, int n, const char *name)
{
    const uint32_t h = gnu_hash(name);
    for (int i = 0; i < n; i++) {
        const ElfW(Sym) *s = find_symbol(&list[i], name, h);
        if (s) return address(&list[i], s);
    }
    base_say("libc has no function %s, which Ravel needs: this is not the GNU C library 2.34 or later", name);
    sys_exit(2);
}

// ---- whose code a pc is in ---------------------------------------------------------------------------------------

struct ins_text ins_libc_text[2];
// The code of the shared object that `in` points into, which is the one loaded last below it; a shared object begins
// with its header.
static void find_text(struct ins_text *text, uintptr_t in)
{
    uintptr_t base = 0;
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next)
        if (map->l_addr <= in && map->l_addr > base) base = map->l_addr;
    if (!base) return;
    const ElfW(Ehdr) *e = (const void *)base;
    const ElfW(Phdr) *ph = (const void *)(base + e->e_phoff);
    for (int i = 0; i < e->e_phnum; i++) {
        const uintptr_t lo = base + ph[i].p_vaddr;
        if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X && in - lo < ph[i].p_memsz)
            *text = (struct ins_text){lo, ph[i].p_memsz};
    }
}

struct ins_real ins_real;
void ins_resolve(void)
{
    static struct object list[OBJECTS];
    const int n = open_all(list);
#define F(name) ins_real.name = (__typeof__(ins_real.name))find(list, n, #name);
    INS_REALS(F)
#undef F
    find_text(&ins_libc_text[0], (uintptr_t)REAL(__libc_malloc));
    find_text(&ins_libc_text[1], _r_debug.r_brk); // a function of the dynamic linker's
}
