// make_pic.c: a build tool: makes an object file that was compiled for a fixed address fit for any.
//
// Debian's libunwind.a is compiled without -fPIC: a few dozen of its instructions hold an absolute 32-bit address
// or a fixed TLS offset, which no linker can put into a PIE or a shared object. Each such instruction is replaced by
// a jump to a stub that does the same work position-independently, and jumps back behind it:
//
//     mov $sym, %esi        ->    jmp stub               stub: lea sym(%rip), %rsi;  jmp back
//
// Every instruction concerned holds a 4-byte field, so there is always room for the 5 bytes of the jump; nobody
// jumps into the middle of an instruction, so nothing else moves. A stub leaves flags, other registers and the
// 128 bytes below the stack pointer alone.
//
// usage: objdump -drw OBJECT | make_pic OBJECT STUBS.s SYMBOLS
//   OBJECT is patched in place: each relocation concerned becomes that of the jump. It must have `ins__pic_stubs`
//   as an undefined symbol. STUBS.s gets the stubs, SYMBOLS the options by which objcopy defines the names in it.
// An instruction that it does not know, and so a libunwind.a that looks different, ends the build with its text.
#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUB_BYTES = 64, MAX_SITES = 4096, TEXT = 256 };

struct site {
    char section[TEXT], insn[TEXT], type[TEXT], target[TEXT]; // target: symbol or section, +0xaddend
    uint64_t start, end, field;                               // of the instruction; where the relocation is
};
static struct site sites[MAX_SITES];
static int nsites;

static _Noreturn void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("make_pic: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

// ---- reading objdump's listing ---------------------------------------------------------------------------------

static bool concerns_us(const char *type)
{
    return strcmp(type, "R_X86_64_32") == 0 || strcmp(type, "R_X86_64_32S") == 0 ||
           strcmp(type, "R_X86_64_TPOFF32") == 0;
}
// "     b8a:\tbf 00 00 00 00       \tmov    $0x0,%edi\tb8b: R_X86_64_32\t.bss+0x10": one line per instruction
static void read_listing(FILE *f)
{
    char line[4096], section[TEXT] = "";
    struct site *open = NULL; // wants to know where its instruction ends
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        unsigned long long start, field;
        if (sscanf(line, "Disassembly of section %255[^:]:", section) == 1) continue;
        char *const tab = strchr(line, '\t');
        if (!tab || sscanf(line, " %llx:", &start) != 1) continue;
        if (open) open->end = start;
        open = NULL;
        char *const insn = strchr(tab + 1, '\t'), *const reloc = insn ? strchr(insn + 1, '\t') : NULL;
        if (!reloc) continue;
        *reloc = '\0';
        struct site *const s = &sites[nsites];
        if (sscanf(reloc + 1, "%llx: %255s %255s", &field, s->type, s->target) != 3 || !concerns_us(s->type)) continue;
        if (nsites + 1 == MAX_SITES) die("more than %d places", MAX_SITES);
        snprintf(s->section, TEXT, "%s", section);
        snprintf(s->insn, TEXT, "%s", insn + 1);
        s->start = start, s->field = field;
        open = s;
        nsites++;
    }
    if (open) die("%s: no instruction follows it", open->insn);
}

// ---- stubs -------------------------------------------------------------------------------------------------------

// What the relocation points to, as one symbol of our own without an addend: an addend to a section could not
// follow strings that the linker merges.
static void define_target(const struct site *s, int i, FILE *symbols)
{
    char name[TEXT];
    snprintf(name, TEXT, "%s", s->target);
    char *const plus = strrchr(name, '+');
    const unsigned long long addend = plus ? strtoull(plus + 1, NULL, 16) : 0;
    if (plus) *plus = '\0';
    if (strchr(name, '-')) die("%s: an addend below zero", s->target);
    if (name[0] == '.')
        fprintf(symbols, "--add-symbol ins__pic_target_%d=%s:%#llx,global\n", i, name, addend);
    else
        fprintf(symbols, "--globalize-symbol=%s\n", name);
    fprintf(symbols, "--add-symbol ins__pic_back_%d=%s:%#llx,function,global\n", i, s->section,
            (unsigned long long)s->end);
}
// The target's name in a stub.
static const char *target(const struct site *s, int i)
{
    static char name[TEXT];
    if (s->target[0] == '.')
        snprintf(name, TEXT, "ins__pic_target_%d", i);
    else
        snprintf(name, TEXT, "%s", s->target);
    return name;
}

// A register that the instruction does not name, for the stub to borrow.
static const char *spare(const char *insn)
{
    static const char *const names[][3] = {
        {"rcx", "ecx", "cl"}, {"rdx", "edx", "dl"}, {"r8", "r8d", "r8b"}, {"r9", "r9d", "r9b"}};
    for (int i = 0; i < 4; i++)
        if (!strstr(insn, names[i][0]) && !strstr(insn, names[i][1]) && !strstr(insn, names[i][2])) return names[i][0];
    die("%s: no register to spare", insn);
}
// Around a stub that borrows a register: the red zone stays, and neither lea, push nor pop touch the flags.
static void borrow(FILE *f, const char *reg) { fprintf(f, "\tlea -128(%%rsp), %%rsp\n\tpush %%%s\n", reg); }
static void give_back(FILE *f, const char *reg) { fprintf(f, "\tpop %%%s\n\tlea 128(%%rsp), %%rsp\n", reg); }

// "mov $0x0,%esi": the address into a 32-bit register, which clears the upper half.
static bool load_address(FILE *f, const struct site *s, const char *to)
{
    char reg[8];
    if (sscanf(s->insn, "mov $0x0,%%%7s", reg) != 1) return false;
    const size_t n = strlen(reg);
    if (reg[0] == 'e')
        reg[0] = 'r'; // esi -> rsi
    else if (reg[n - 1] == 'd')
        reg[n - 1] = '\0'; // r8d -> r8
    else
        return false;
    fprintf(f, "\tlea %s(%%rip), %%%s\n", to, reg);
    return true;
}
// "cmp $0x0,%rax", "add $0x0,%rax": with the address in memory in place of the immediate.
static bool with_constant(FILE *f, const struct site *s, const char *to, int i)
{
    char op[16], reg[8];
    if (sscanf(s->insn, "%15s $0x0,%%%7s", op, reg) != 2 || reg[0] != 'r') return false;
    if (strcmp(op, "cmp") != 0 && strcmp(op, "add") != 0 && strcmp(op, "sub") != 0) return false;
    fprintf(f, "\t%s .Lconstant_%d(%%rip), %%%s\n", op, i, reg);
    fprintf(f, "\t.pushsection .data.rel.ro, \"aw\"\n.Lconstant_%d: .quad %s\n\t.popsection\n", i, to);
    return true;
}
// "jmp *0x0(,%rsi,8)": a switch. `ret $128` jumps and steps over the red zone at once.
static bool jump_by_table(FILE *f, const struct site *s, const char *to)
{
    char index[8];
    if (sscanf(s->insn, "jmp *0x0(,%%%7[a-z0-9],8)", index) != 1) return false;
    const char *const reg = spare(s->insn);
    fprintf(f, "\tlea -136(%%rsp), %%rsp\n\tpush %%%s\n\tlea %s(%%rip), %%%s\n", reg, to, reg);
    fprintf(f, "\tmov (%%%s,%%%s,8), %%%s\n\tmov %%%s, 8(%%rsp)\n\tpop %%%s\n\tret $128\n", reg, index, reg, reg, reg);
    return true;
}
// Any other instruction with the memory operand 0x0(,index,8) or %fs:0x0: with a borrowed register in it.
static bool through_register(FILE *f, const struct site *s, const char *to)
{
    const bool tls = strcmp(s->type, "R_X86_64_TPOFF32") == 0;
    const char *const operand = tls ? "%fs:0x0" : "0x0(,", *const at = strstr(s->insn, operand);
    if (!at || strncmp(s->insn, "jmp", 3) == 0 || strstr(s->insn, "rsp")) return false;
    const char *const reg = spare(s->insn), *const rest = at + strlen(operand);
    const int before = (int)(at - s->insn);
    borrow(f, reg);
    if (tls) {
        fprintf(f, "\tmov %s@gottpoff(%%rip), %%%s\n", to, reg);
        fprintf(f, "\t%.*s%%fs:(%%%s)%s\n", before, s->insn, reg, rest);
    } else {
        fprintf(f, "\tlea %s(%%rip), %%%s\n", to, reg);
        fprintf(f, "\t%.*s(%%%s,%s\n", before, s->insn, reg, rest);
    }
    give_back(f, reg);
    return true;
}
static void write_stub(FILE *f, const struct site *s, int i)
{
    const char *const to = target(s, i);
    fprintf(f, "# %s  %s %s\n", s->insn, s->type, s->target);
    if (!load_address(f, s, to) && !with_constant(f, s, to, i) && !jump_by_table(f, s, to) &&
        !through_register(f, s, to))
        die("do not know how to do `%s` (%s %s) without a fixed address", s->insn, s->type, s->target);
    fprintf(f, "\tjmp ins__pic_back_%d\n", i);
    fprintf(f, "\t.org ins__pic_stubs + %d\n", (i + 1) * STUB_BYTES); // an error if the stub was longer than that
}

// ---- the object file -----------------------------------------------------------------------------------------------

static char *object;
static size_t object_bytes;
static Elf64_Shdr *section_at(unsigned i)
{
    const Elf64_Ehdr *const h = (void *)object;
    return (Elf64_Shdr *)(object + h->e_shoff) + i;
}
static unsigned section_named(const char *name)
{
    const Elf64_Ehdr *const h = (void *)object;
    const char *const names = object + section_at(h->e_shstrndx)->sh_offset;
    for (unsigned i = 1; i < h->e_shnum; i++)
        if (strcmp(names + section_at(i)->sh_name, name) == 0) return i;
    die("no section %s", name);
}
static uint64_t symbol_named(const char *name)
{
    const Elf64_Shdr *const s = section_at(section_named(".symtab"));
    const char *const names = object + section_at(s->sh_link)->sh_offset;
    const Elf64_Sym *const y = (void *)(object + s->sh_offset);
    for (uint64_t i = 0; i < s->sh_size / sizeof *y; i++)
        if (strcmp(names + y[i].st_name, name) == 0) return i;
    die("no symbol %s", name);
}
// The instruction becomes a jump to stub i, its relocation that jump's.
static void patch(const struct site *s, int i, uint64_t stubs)
{
    enum { JMP = 0xe9, NOP = 0x90, JMP_BYTES = 5 };
    char name[TEXT + 8];
    snprintf(name, sizeof name, ".rela%s", s->section);
    if (s->end - s->start < JMP_BYTES || s->end > section_at(section_named(s->section))->sh_size)
        die("%s: no room for a jump", s->insn);
    unsigned char *const code = (void *)(object + section_at(section_named(s->section))->sh_offset + s->start);
    memset(code, NOP, s->end - s->start);
    code[0] = JMP;
    memset(code + 1, 0, 4);
    const Elf64_Shdr *const r = section_at(section_named(name));
    Elf64_Rela *const a = (void *)(object + r->sh_offset);
    for (uint64_t k = 0; k < r->sh_size / sizeof *a; k++)
        if (a[k].r_offset == s->field) {
            a[k] = (Elf64_Rela){s->start + 1, ELF64_R_INFO(stubs, R_X86_64_PC32), (int64_t)i * STUB_BYTES - 4};
            return;
        }
    die("%s: its relocation is not there", s->insn);
}

static FILE *open_or_die(const char *path, const char *mode)
{
    FILE *const f = fopen(path, mode);
    if (!f) die("%s: cannot open it", path);
    return f;
}
static void load(const char *path)
{
    FILE *const f = open_or_die(path, "rb");
    fseek(f, 0, SEEK_END);
    object_bytes = (size_t)ftell(f);
    rewind(f);
    object = malloc(object_bytes);
    if (!object || fread(object, 1, object_bytes, f) != object_bytes) die("%s: cannot read it", path);
    fclose(f);
    if (memcmp(object, ELFMAG, SELFMAG) != 0) die("%s: no ELF file", path);
}

int main(int argc, char **argv)
{
    if (argc != 4) die("usage: objdump -drw OBJECT | make_pic OBJECT STUBS.s SYMBOLS");
    read_listing(stdin);
    load(argv[1]);
    const uint64_t stubs = symbol_named("ins__pic_stubs");
    FILE *const code = open_or_die(argv[2], "w"), *const symbols = open_or_die(argv[3], "w");
    fputs("\t.section .note.GNU-stack, \"\", @progbits\n\t.text\n\t.balign 64\n", code);
    fputs("\t.globl ins__pic_stubs\nins__pic_stubs:\n", code);
    for (int i = 0; i < nsites; i++) {
        define_target(&sites[i], i, symbols);
        write_stub(code, &sites[i], i);
        patch(&sites[i], i, stubs);
    }
    FILE *const out = open_or_die(argv[1], "wb");
    if (fwrite(object, 1, object_bytes, out) != object_bytes) die("%s: cannot write it", argv[1]);
    if (fclose(out) || fclose(code) || fclose(symbols)) die("cannot write what it made");
    return 0;
}
