"""Every mode of the compiler that a build system uses: the right thing comes out, with the hooks in it, and runs."""
import os
import shutil
import unittest

from kit import CC, IS_CLANG, LIB, RAVEL, Case, environment, main

WORK = """
int shared;
int work(int n) { for (int i = 0; i < n; i++) shared += i; return shared; }
"""
MAIN = """
#include <stdio.h>
int work(int);
int main(void) { printf("%d\\n", work(5)); return 0; }
"""
VERSION = os.path.basename(CC).split("-")[-1] if IS_CLANG else ""
LLD = shutil.which("ld.lld-" + VERSION) if IS_CLANG else shutil.which("ld.lld")
GOLD_PLUGIN = "/usr/lib/llvm-%s/lib/LLVMgold.so" % VERSION


# What compilers of one family can differ in; the rest is tested with gcc and one clang only.
BRIEF = {"compile_at_every_level", "preprocess", "compile_and_link_at_once", "shared_object", "sanitizer_options_of_the_user",
         "undefined_behaviour_beside_it", "attribute", "fences_pass_werror", "what_only_prints_is_the_compilers",
         "link_time_optimisation", "cplusplus"}


class Modes(Case):
    def setUp(self):
        if VERSION in ("14", "15", "16") and self._testMethodName[len("test_"):] not in BRIEF:
            self.skipTest("the same as with another clang")
        super().setUp()
        self.write("work.c", WORK)
        self.write("main.c", MAIN)

    def assert_runs(self, program, output="10\n", **kw):
        self.assertEqual(self.quiet(self.path(program), **kw), output)

    def test_compile_at_every_level(self):
        for level in ("-O0", "-O1", "-O2", "-O3", "-Os", "-Og", "-O2 -fPIC", "-O2 -fno-pie",
                      "-O2 -pipe -fno-common -fvisibility=hidden -ffunction-sections -fstack-protector-strong"):
            self.cc("-c", *level.split(), "work.c", "-o", "work.o")
            self.assert_hooked("work.o")

    def test_object_name_by_default(self):
        self.cc("-c", "work.c", "main.c")
        self.assert_hooked("work.o")
        self.assertIn("__tsan_init", self.symbols("main.o", "-u"))

    def test_debug_lines_unless_asked_otherwise(self):
        lines = lambda: "work.c" in self.ok("objdump", "--dwarf=decodedline", "work.o")
        for flags, expected in ((), True), (("-g",), True), (("-g0",), False), (("-g", "-O2"), True):
            self.cc("-c", "work.c", *flags)
            self.assertEqual(lines(), expected, flags)
        self.cc("-c", "-g", "work.c")  # -g is not lowered to -g1: types are there
        self.assertIn("DW_TAG_base_type", self.ok("objdump", "--dwarf=info", "work.o"))

    def test_assembly(self):
        self.cc("-S", "-O2", "work.c")
        text = self.read("work.s")
        self.assertIn("__tsan_read4", text)
        self.assertIn("__tsan_write4", text)
        self.cc("-c", "work.s", "-o", "work.o")
        self.assert_hooked("work.o")
        self.write("raw.S", "#define NAME raw\n.globl NAME\nNAME: ret\n.section .note.GNU-stack,\"\",@progbits\n")
        self.cc("-c", "raw.S")
        self.assertNotIn("__tsan", self.symbols("raw.o"))

    def test_preprocess(self):
        out = self.cc("-E", "-dM", "work.c")
        if not IS_CLANG:
            self.assertIn("#define __SANITIZE_THREAD__ 1", out)
        self.write("feature.c", """
            #if defined(__SANITIZE_THREAD__)
            int on;
            #elif defined(__has_feature)
            # if __has_feature(thread_sanitizer)
            int on;
            # endif
            #endif
        """)
        self.assertIn("int on;", self.cc("-E", "feature.c"))
        self.assertIn("int on;", self.cc("-E", "-P", "feature.c", "-o", "-"))
        self.assertNotIn("int on;", self.cc("-E", "-fno-sanitize=thread", "feature.c"))

    def test_dependencies(self):
        self.write("dep.h", "#define N 1\n")
        self.write("dep.c", '#include "dep.h"\nint work(int n) { static int s; return s += n; }\n')
        for mode in ("-M", "-MM"):
            self.assertIn("dep.h", self.cc(mode, "dep.c"))
        self.cc("-MD", "-MF", "dep.d", "-MT", "target", "-c", "dep.c", "-o", "dep.o")
        self.assertTrue(self.read("dep.d").startswith("target:"))
        self.assert_hooked("dep.o")
        self.cc("-MMD", "-MP", "-c", "dep.c")
        self.assertIn("dep.h", self.read("dep.d"))

    def test_syntax_only(self):
        self.cc("-fsyntax-only", "-Wall", "-Werror", "work.c")
        self.assertEqual(sorted(os.listdir(self.dir)), ["main.c", "work.c"])

    def test_compile_and_link_at_once(self):
        self.cc("-O2", "main.c", "work.c", "-o", "program")
        self.assert_hooked("program")
        self.assert_runs("program")
        self.cc("main.c", "work.c")
        self.assert_runs("a.out")

    def test_sources_objects_and_archives_in_one_command(self):
        self.write("one.c", "int one_value; int one(void) { return ++one_value; }\n")
        self.write("two.c", "int two_value; int two(void) { return ++two_value; }\n")
        self.write("all.c", "#include <stdio.h>\nint one(void), two(void), work(int);\n"
                            "int main(void) { printf(\"%d\\n\", one() + two() + work(5)); return 0; }\n")
        self.cc("-c", "one.c", "two.c")
        self.ok("ar", "rcs", "libtwo.a", "two.o")
        self.cc("all.c", "work.c", "one.o", "libtwo.a", "-o", "by-path")
        self.assert_runs("by-path", "12\n")
        self.cc("-L.", "all.c", "work.c", "one.o", "-l", "two", "-o", "by-name")
        self.assert_runs("by-name", "12\n")
        for function in ("one", "two", "work"):
            self.assert_hooked("by-name", function)

    def test_link_only(self):
        self.cc("-c", "-O2", "main.c", "work.c")
        for flags in ((), ("-pie",), ("-no-pie",), ("-rdynamic",), ("-s",), ("-Wl,--gc-sections",), ("-Wl,--exclude-libs,ALL",),
                      ("-Wl,--as-needed",), ("-Wl,-z,now", "-Wl,-z,relro"), ("-pthread", "-lm", "-ldl", "-lpthread"),
                      ("-Wl,-z,defs",), ("-static-libgcc",), ("-nostartfiles", "-Wl,--entry=start", "start.o")):
            if "start.o" in flags:
                self.write("start.c", "#include <stdlib.h>\nint main(void);\n"
                           "__attribute__((force_align_arg_pointer)) void start(void) { exit(main()); }\n")
                self.cc("-c", "start.c", "-fno-sanitize=thread")
            self.cc("main.o", "work.o", "-o", "program", *flags)
            if "start.o" not in flags:
                self.assert_runs("program")
            self.assertIn("__tsan_write4", self.symbols("program", "-D"), flags)

    def test_position_dependent_program(self):
        self.cc("-O2", "-fno-pie", "-no-pie", "main.c", "work.c", "-o", "program")
        self.assertIn("EXEC", self.ok("readelf", "-h", "program"))
        self.assert_hooked("program")
        self.assert_runs("program")

    def test_shared_object(self):
        for flags in ((), ("-Wl,-z,defs",), ("-Wl,--no-undefined", "-Wl,--as-needed"), ("-Wl,-Bsymbolic",)):
            self.cc("-shared", "-fPIC", "-O2", "work.c", "-o", "libwork.so", *flags)
            self.assert_hooked("libwork.so")
            self.assertEqual(self.needed("libwork.so")[0], "libravel.so")
            self.cc("main.c", "-L.", "-lwork", "-Wl,-rpath,$ORIGIN", "-o", "program")
            self.assertNotIn("libravel.so", self.needed("program"))
            self.assert_runs("program")

    def test_plain_shared_object(self):
        self.ok(CC, "-shared", "-fPIC", "-O2", "work.c", "-o", "libwork.so")
        self.cc("main.c", "./libwork.so", "-Wl,-rpath,.", "-o", "program")
        self.assert_runs("program")

    def test_partial_link(self):
        self.cc("-c", "main.c", "work.c")
        self.cc("-r", "main.o", "work.o", "-o", "both.o")
        self.assertNotIn(" T __tsan_init", self.symbols("both.o"))
        self.cc("-r", "-O2", "work.c", "-o", "work2.o")
        self.assert_hooked("work2.o")
        self.cc("both.o", "-o", "program")
        self.assert_hooked("program")
        self.assert_runs("program")

    def test_language_by_option(self):
        os.rename(self.path("work.c"), self.path("work.txt"))
        self.cc("-x", "c", "-c", "work.txt", "-o", "work.o")
        self.assert_hooked("work.o")
        self.cc("-x", "c", "main.c", "work.txt", "-o", "program")  # the runtime must not be taken for C
        self.assert_runs("program")
        self.cc("-xc", "-c", "work.txt", "-o", "work.o")
        self.assert_hooked("work.o")

    def test_standard_input(self):
        self.cc("-x", "c", "-c", "-", "-o", "work.o", input=WORK)
        self.assert_hooked("work.o")
        self.assertIn("shared", self.cc("-E", "-", input=WORK))
        self.assertIn("__tsan_write4", self.cc("-xc", "-S", "-o", "-", "-", input=WORK))
        self.cc("work.o", "-x", "c", "-", "-o", "program", input=MAIN)
        self.assert_runs("program")

    def test_response_files(self):
        os.rename(self.path("work.c"), self.path("my work.c"))
        self.write("objects", "-O2 'my work.c'\n \"main.c\" -D\\ X=1\n".replace("-D\\ X=1", "-DX=\\\"1\\\""))
        self.write("all", "@objects -o program")
        self.cc("@all")
        self.assert_hooked("program")
        self.assert_runs("program")
        self.write("only", "-c -O2 'my work.c' -o work.o")
        self.cc("@only")
        self.assert_hooked("work.o")
        self.write("thread", "-fsanitize=thread -O2 'my work.c' main.c -o program")
        self.cc("@thread")
        self.assertNotIn("tsan.so", " ".join(self.needed("program")))
        self.assert_hooked("program")
        self.assert_runs("program")
        self.assertNotEqual(self.run_it(RAVEL, "cc", "@missing").returncode, 0)

    def test_what_only_prints_is_the_compilers(self):
        for args in (("--version",), ("-dumpmachine",), ("-print-file-name=libc.so.6",), ("-print-search-dirs",),
                     ("-print-prog-name=ld",), ("--help",), ("-v",), ("-###",), ("-print-multi-os-directory",), (),
                     ("-v", "-E"), ("-Wl,--version",), ("-c",)):
            mine, its = self.run_it(RAVEL, "cc", *args), self.run_it(CC, *args)
            self.assertEqual((mine.returncode, mine.stdout), (its.returncode, its.stdout), args)
            if "-Wl,--version" not in args:  # gcc's linker driver names its temporary files there
                self.assertEqual(mine.stderr, its.stderr, args)

    def test_dry_run_shows_what_would_be_done(self):
        p = self.run_it(RAVEL, "cc", "-###", "main.c", "work.c", "-o", "program")
        self.assertIn("thread", p.stderr)
        self.assertIn("ravel_rt.o", p.stderr)
        self.assertFalse(os.path.exists(self.path("program")))
        p = self.run_it(RAVEL, "cc", "-v", "main.c", "work.c", "-o", "program")
        self.assertIn("ravel_rt.o", p.stderr)
        self.assert_runs("program")

    def test_sanitizer_options_of_the_user(self):
        self.cc("-fsanitize=thread", "main.c", "work.c", "-o", "program")
        self.assertEqual([n for n in self.needed("program") if "tsan" in n], [])
        self.assert_hooked("program")
        self.assert_runs("program")
        self.cc("-fno-sanitize=thread", "-c", "work.c")
        self.assert_plain("work.o")
        self.cc("-fno-sanitize=thread", "-fsanitize=thread", "-c", "work.c")
        self.assert_hooked("work.o")
        self.cc("-fno-sanitize=thread", "main.c", "work.c", "-o", "program")
        self.assertNotIn("__tsan", self.symbols("program"))
        self.assert_runs("program")

    def test_undefined_behaviour_beside_it(self):
        for flags in ("-fsanitize=undefined", "-fsanitize=thread,undefined"):
            self.cc("-O1", flags, "main.c", "work.c", "-o", "program")
            self.assert_hooked("program")
            self.assertIn("__ubsan", self.symbols("program"))
            self.assert_runs("program")

    def test_attribute(self):
        self.write("off.c", "int a, b;\n__attribute__((no_sanitize(\"thread\"))) int off(void) { return ++a; }\n"
                            "int work(void) { return ++b; }\n")
        self.cc("-O1", "-c", "off.c")
        self.assertFalse([h for h in self.hooks("off.o", "off") if "read" in h or "write" in h])
        self.assert_hooked("off.o")

    def test_fences_pass_werror(self):
        self.write("fence.c", "#include <stdatomic.h>\nint x;\nint work(void) { x++; atomic_thread_fence(memory_order_seq_cst); "
                              "return x; }\n")
        self.cc("-O2", "-Wall", "-Wextra", "-Werror", "-c", "fence.c")
        self.assertIn("__tsan_atomic_thread_fence", self.hooks("fence.o", "work"))

    def test_without_libc(self):
        bare = self.write("bare.c", "__attribute__((noreturn)) void _start(void) { static int x; x++; "
                          "__asm__ volatile(\"syscall\" : : \"a\"(60), \"D\"(x + 6)); __builtin_unreachable(); }\n")
        self.cc("-O1", "-nostdlib", "-ffreestanding", bare, "-o", "bare")
        self.assertEqual(self.run_it(self.path("bare")).returncode, 7)
        self.cc("-O1", "-ffreestanding", "-c", "work.c")
        self.assert_plain("work.o")
        self.cc("-shared", "-nostdlib", "-fPIC", "work.c", "-o", "libwork.so", "-Wl,-z,defs", "-lc")
        self.assert_hooked("libwork.so")
        self.cc("-nodefaultlibs", "main.c", "work.c", "-lc", "-o", "program")
        self.assert_hooked("program")
        self.assert_runs("program")

    def lto_linkers(self):
        if not IS_CLANG:
            return [()]
        found = [("-fuse-ld=" + LLD,)] if LLD and VERSION != "15" else []
        return found + ([()] if os.path.exists(GOLD_PLUGIN) else [])

    def assert_optimised_at_link_time(self, flags, linker):
        """Objects, then a program of them; both in one command; a shared object. Hooks are counted in main and work,
        because the one may have been put into the other."""
        def count(file):
            return sum(len(self.hooks(file, f)) for f in ("main", "work"))
        self.cc(*flags, "-c", "main.c", "work.c")
        self.cc(*flags, *linker, "-Wl,-u,work", "-rdynamic", "main.o", "work.o", "-o", "program")
        self.assert_runs("program")
        self.assertGreaterEqual(count("program"), 4, flags)
        self.cc(*flags, *linker, "-rdynamic", "main.c", "work.c", "-o", "program")
        self.assertGreaterEqual(count("program"), 4, flags)
        self.cc(*flags, *linker, "-shared", "-fPIC", "work.c", "-o", "libwork.so")
        self.assert_hooked("libwork.so")

    def test_link_time_optimisation(self):
        for linker in self.lto_linkers():
            self.assert_optimised_at_link_time(("-O2", "-flto"), linker)

    def test_other_kinds_of_link_time_optimisation(self):
        kinds = [["-O0", "-flto=thin"], ["-O2", "-flto=thin"]] if IS_CLANG else [["-O0", "-flto"], [
            "-O3", "-flto=auto", "-ffat-lto-objects"], ["-O2", "-flto", "-fno-fat-lto-objects", "-flto-partition=none"]]
        for flags in kinds:
            for linker in self.lto_linkers()[:1]:
                self.assert_optimised_at_link_time(flags, linker)

    def test_other_linkers(self):
        linkers = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
        linkers += ["-fuse-ld=lld"] if shutil.which("ld.lld") else []
        self.cc("-c", "-O2", "main.c", "work.c")
        for linker in linkers:
            self.cc(linker, "main.o", "work.o", "-o", "program")
            self.assertIn(" T __tsan_write4", self.symbols("program", "-D"))
            self.assert_runs("program")
            self.cc(linker, "-shared", "-fPIC", "-Wl,-z,defs", "work.c", "-o", "libwork.so")
            self.cc(linker, "main.o", "./libwork.so", "-Wl,-rpath,.", "-o", "program")
            self.assert_runs("program")

    def test_the_programs_own_malloc(self):
        self.write("own.c", "#include <stddef.h>\nstatic char pool[1 << 20] __attribute__((aligned(16)));\nstatic size_t used;\nint calls;\n"
                            "void *malloc(size_t n) { calls++; used = (used + n + 15) & ~15ul; return pool + used - ((n + 15) & ~15ul); }\n"
                            "void free(void *p) { (void)p; }\n"
                            "void *calloc(size_t a, size_t b) { return malloc(a * b); }\n"
                            "void *realloc(void *p, size_t n) { (void)p; return malloc(n); }\n")
        self.write("use.c", "#include <stdlib.h>\nextern int calls;\nint main(void) { int was = calls; free(malloc(10)); "
                            "return calls == was + 1 ? 0 : 1; }\n")
        self.cc("-O0", "-fno-builtin", "own.c", "use.c", "-o", "program")
        self.ok(self.path("program"))

    def test_cplusplus(self):
        self.write("throw.cc", """
            #include <iostream>
            #include <stdexcept>
            #include <thread>
            int shared;
            int work(int n) { for (int i = 0; i < n; i++) shared += i; if (n > 4) throw std::runtime_error("caught"); return 0; }
            int main() {
                std::thread t([] { try { work(5); } catch (const std::exception &e) { std::cout << e.what() << std::endl; } });
                t.join();
                return 0;
            }
        """)
        for flags in ((), ("-O2", "-static-libstdc++", "-static-libgcc")):
            self.cxx(*flags, "throw.cc", "-o", "program")
            self.assert_hooked("program", "_Z4worki")
            self.assert_runs("program", "caught\n")
        self.cxx("-c", "throw.cc")
        self.cc("throw.o", "-lstdc++", "-o", "program")
        self.assert_runs("program", "caught\n")

    def test_one_word_names(self):
        bin = os.path.dirname(RAVEL)
        self.quiet(bin + "/ravel-cc", "-c", "work.c")
        self.assert_hooked("work.o")
        self.quiet(bin + "/ravel-c++", "-x", "c++", "-c", "work.c", "-o", "cxx.o")
        self.assert_hooked("cxx.o", "_Z4worki")

    def test_naming_the_compiler(self):
        env = environment(RAVEL_CC=None, PATH="/nowhere")
        self.quiet(RAVEL, "cc", "--ravel-cc=" + shutil.which(CC), "-S", "work.c",
                   env=environment(RAVEL_CC="no-such-compiler"))
        self.assertIn("__tsan_write4", self.read("work.s"))
        self.quiet(RAVEL, "cc", "-c", "work.c", env=environment(RAVEL_CC=CC + " -O2 -fsanitize=thread -g3"))
        self.assert_hooked("work.o")
        self.write("wrapper", "#!/bin/sh\nexec %s \"$@\"\n" % CC)
        os.chmod(self.path("wrapper"), 0o755)
        self.quiet(RAVEL, "cc", "main.c", "work.c", "-o", "program", env=environment(RAVEL_CC="./wrapper"))
        self.assert_hooked("program")
        self.assert_runs("program")
        self.refused(RAVEL, "cc", "-c", "work.c", env=env)

    def test_exit_code_and_messages_are_the_compilers(self):
        self.write("bad.c", "int work( { }\n")
        mine, its = self.run_it(RAVEL, "cc", "-c", "bad.c"), self.run_it(CC, "-c", "bad.c")
        self.assertEqual((mine.returncode, mine.stderr), (its.returncode, its.stderr))

    def test_the_runtime_given_by_hand(self):
        for file in ("libravel_rt.a", "ravel_rt.o"):
            self.cc("main.c", "work.c", LIB + "/" + file, "-o", "program")
            self.assert_runs("program")


if __name__ == "__main__":
    main()
