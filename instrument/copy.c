// copy.c: whether the program has a copy of Ravel in it that is not this one.
//
// Symbols do not always tell: a program's version script may hide them, and an object that was loaded with
// RTLD_DEEPBIND finds those of its own libravel.so first. Two copies at work in one process would each see half of
// what orders the threads. So every copy carries an ELF note, which ends up in the headers of the program that was
// linked with it, and is looked for there.
#include "instrument/interpose.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "base/print.h"

static const struct {
    uint32_t name_bytes, desc_bytes, type;
    char name[8], desc[4];
} note __attribute__((section(".note.ravel"), used, aligned(4))) = {sizeof "Ravel", 4, 1, "Ravel", ""};

static bool has_our_note(const char *p, size_t n)
{
    while (n >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *const h = (const void *)p;
        const size_t name = (h->n_namesz + 3) & ~3ul, whole = sizeof *h + name + ((h->n_descsz + 3) & ~3ul);
        if (whole > n) return false;
        if (h->n_namesz == sizeof "Ravel" && base_strcmp(p + sizeof *h, "Ravel") == 0) return true;
        p += whole;
        n -= whole;
    }
    return false;
}

bool ins_copy_in_program(void)
{
    const ElfW(Phdr) *const ph = (const void *)getauxval(AT_PHDR);
    const size_t n = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    bool theirs = false;
    for (size_t i = 0; i < n; i++)
        if (ph[i].p_type == PT_PHDR) base = (uintptr_t)ph - ph[i].p_vaddr;
    for (size_t i = 0; i < n; i++) {
        const uintptr_t at = base + ph[i].p_vaddr;
        if (ph[i].p_type == PT_LOAD && (uintptr_t)&note - at < ph[i].p_memsz) return false; // it is this one
        if (ph[i].p_type == PT_NOTE && has_our_note((const char *)at, ph[i].p_memsz)) theirs = true;
    }
    return theirs;
}
