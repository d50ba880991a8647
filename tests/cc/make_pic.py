"""instrument/product/make_pic.c: code that was compiled for a fixed address does the same in a PIE and a shared object."""
import os
import re

from kit import BUILD, Case, main

MAKE_PIC = BUILD + "/instrument/ravel_make_pic"

# Every kind of instruction with an absolute address or a fixed TLS offset that a compiler makes of plain code.
FIXED = r"""
static int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
static const char *const words[4] = {"zero", "one", "two", "three"};
static __thread int tls = 7, tls2;
static long slots[4];
extern int leave(int);
int fixed_address(int i) { return table[i & 7]; }
const char *fixed_word(int i) { return words[i & 3]; }
int *fixed_pointer(void) { return &table[2]; }
int fixed_compare(int *p) { return p == &table[3]; }
long fixed_distance(char *p) { return p - (char *)&table[1]; }
int fixed_switch(int i)
{
    switch (i) {
    case 0: return leave(10);
    case 1: return leave(21) + 1;
    case 2: return leave(32) + 2;
    case 3: return leave(43) * 2;
    case 4: return leave(54) - 1;
    case 5: return leave(65) ^ 5;
    default: return -1;
    }
}
int fixed_tls(int add) { tls += add; tls2 = 1; return tls + tls2; }
long fixed_exchange(int i, long v) { return __atomic_exchange_n(&slots[i & 3], v, __ATOMIC_SEQ_CST); }
int fixed_cas(int i, long was, long v)
{
    return __atomic_compare_exchange_n(&slots[i & 3], &was, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
// Leaf with locals in the red zone across an access by absolute address.
int fixed_red_zone(int i)
{
    volatile int a = i, b = i * 2, c = i * 3;
    const int t = table[c & 7];
    return a + b + t;
}
"""
USE = r"""
#include <stdio.h>
int leave(int i) { return i; }
int fixed_address(int), fixed_compare(int *), fixed_switch(int), fixed_tls(int), fixed_cas(int, long, long), fixed_red_zone(int);
long fixed_distance(char *), fixed_exchange(int, long);
const char *fixed_word(int);
int *fixed_pointer(void);
int use(void)
{
    for (int i = 0; i < 8; i++)
        printf("%d %s %d %d\n", fixed_address(i), fixed_word(i), fixed_switch(i), fixed_red_zone(i));
    int *p = fixed_pointer();
    printf("%d %d %d %ld\n", *p, fixed_compare(p), fixed_compare(p + 1), fixed_distance((char *)(p + 3)));
    printf("%d %d\n", fixed_tls(1), fixed_tls(5));
    printf("%ld %ld\n", fixed_exchange(2, 11), fixed_exchange(2, 12));
    printf("%d %d %ld\n", fixed_cas(2, 12, 13), fixed_cas(2, 12, 14), fixed_exchange(2, 0));
    return 0;
}
"""
MAIN = "int use(void); int main(void) { return use(); }\n"


class MakePic(Case):
    def mend(self, name):
        """name.o by way of make_pic: the object, and its stubs."""
        self.ok("ld", "-r", "-u", "ins__pic_stubs", name + ".o", "-o", "fixed.o")
        self.ok("objcopy", "--strip-debug", "--rename-section", ".rodata=.data.rel.ro.rodata,alloc,load,data,contents", "fixed.o")
        p = self.run_it(MAKE_PIC, "fixed.o", "stubs.s", "symbols", input=self.ok("objdump", "-drw", "fixed.o"))
        if p.returncode == 0:
            self.ok("as", "stubs.s", "-o", "stubs.o")
            self.ok("objcopy", "@symbols", "fixed.o")
        return p

    def test_same_answers_anywhere(self):
        self.write("fixed.c", FIXED)
        self.write("use.c", USE)
        self.write("main.c", MAIN)
        self.ok("gcc", "-fPIC", "-c", "use.c", "main.c")
        for compiler in ("gcc -O1", "gcc -O2", "gcc -Os", "gcc -O3"):
            self.ok(*compiler.split(), "-fno-pic", "-ftls-model=local-exec", "-fcf-protection=none", "-c", "fixed.c", "-o", "source.o")
            self.ok("gcc", "-no-pie", "main.o", "use.o", "source.o", "-o", "native")
            expected = self.ok("./native")
            p = self.mend("source")
            self.assertEqual((p.returncode, p.stderr), (0, ""))
            self.assertGreaterEqual(self.read("stubs.s").count("jmp ins__pic_back"), 10)
            left = self.ok("readelf", "-rW", "fixed.o")
            self.assertFalse(re.search(r"R_X86_64_(32S?|TPOFF32)\b", left), left)
            self.ok("gcc", "-pie", "main.o", "use.o", "fixed.o", "stubs.o", "-o", "pie")
            self.assertEqual(self.ok("./pie"), expected, compiler)
            self.ok("gcc", "-shared", "-Wl,-z,defs,-z,text,-Bsymbolic", "use.o", "fixed.o", "stubs.o", "-o", "libfixed.so")
            self.ok("gcc", "main.o", "./libfixed.so", "-Wl,-rpath,.", "-o", "dynamic")
            self.assertEqual(self.ok("./dynamic"), expected, compiler)

    def test_what_it_does_not_know_ends_the_build(self):
        for insn in ("imul $data, %rax, %rcx", "push $data", "jmp *data", "movl $data, (%rdi)"):
            self.write("odd.s", ".text\n.globl odd\nodd: %s\nret\n.data\ndata: .quad 0\n" % insn)
            self.ok("as", "odd.s", "-o", "odd.o")
            p = self.mend("odd")
            self.assertEqual(p.returncode, 1, insn)
            self.assertTrue(p.stderr.startswith("make_pic: "), p.stderr)


if __name__ == "__main__":
    main()
