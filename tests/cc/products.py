"""What is in a program that `ravel cc` linked: the exported names are those of exports.txt, and it needs libc alone."""
import os
import re

from kit import HERE, LIB, RAVEL, Case, main

# What libravel_rt.a may leave undefined: libc's own, none of which an interposer catches and none of which calls back
# into the program, but for those marked in docs/cc.md.
LIBC = re.compile(r"^(linux-vdso\.so\.1|libc\.so\.6|ld-linux-x86-64\.so\.2|/lib64/ld-linux-x86-64\.so\.2)$")


def listed():
    with open(os.path.join(HERE, "exports.txt")) as f:
        return {line.strip() for line in f if line.strip() and not line.startswith("#")}


class Products(Case):
    def exported(self, file):
        lines = self.ok("nm", "-D", "--defined-only", file).splitlines()
        return {line.split()[-1].split("@")[0] for line in lines}

    def test_exports(self):
        self.write("hello.c", '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
        self.cc("hello.c", "-o", "hello")
        own = {"_IO_stdin_used", "__data_start", "data_start", "main", "_start", "__bss_start", "_edata", "_end"}
        self.assertEqual(self.exported("hello") - own, listed(), "update tests/cc/exports.txt if a new name is meant")
        self.assertEqual(self.exported(LIB + "/libravel.so"), listed())

    def test_libc_names_are_weak(self):
        for line in self.ok("nm", "--defined-only", "-g", LIB + "/ravel_rt.o").splitlines():
            kind, name = line.split()[-2:]
            if not name.startswith(("__tsan_", "ravel_")):
                self.assertIn(kind, "WV", name)

    def test_libc_alone(self):
        self.write("hello.c", '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
        self.cc("hello.c", "-o", "hello")
        for file in ("hello", LIB + "/libravel.so"):
            for name in self.needed(file):
                self.assertRegex(name, LIBC)
        for line in self.ok("ldd", "hello").splitlines():
            self.assertRegex(line.split()[0], LIBC)

    def test_thread_local_storage_is_static(self):
        relocations = self.ok("readelf", "-rW", LIB + "/libravel.so")
        self.assertNotRegex(relocations, r"DTPMOD64|TLSDESC")
        self.assertNotIn("__tls_get_addr", self.ok("nm", "-D", "-u", LIB + "/libravel.so"))

    def test_no_text_relocations(self):
        self.assertNotIn("TEXTREL", self.ok("readelf", "-d", LIB + "/libravel.so"))

    def test_our_innards_call_no_allocator_or_string_function_of_the_program(self):
        undefined = {line.split()[-1] for line in self.ok("nm", "-u", LIB + "/ravel_rt.o").splitlines()}
        for name in ("malloc", "calloc", "realloc", "free", "memcpy", "memset", "memmove", "strlen", "open", "read", "mmap",
                     "pthread_mutex_lock", "pthread_create", "printf", "__tls_get_addr"):
            self.assertNotIn(name, undefined)

    # A compiler makes calls of these by itself; the interposers would take them for the program's accesses.
    def test_the_scheduler_copies_memory_by_itself(self):
        undefined = {line.split()[-1] for line in self.ok("nm", "-u", LIB + "/ravel_go.o").splitlines()}
        self.assertIn("pthread_create", undefined)  # so this is a list of what it calls
        for name in ("memcpy", "memset", "memmove", "memcmp", "bcmp", "strlen", "open", "read", "mmap", "syscall"):
            self.assertNotIn(name, undefined)


if __name__ == "__main__":
    main()
