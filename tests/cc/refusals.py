"""What cannot work is one clear line and exit code 2; what is only unusual is left to the compiler."""
import os
import shutil

from kit import LIB, RAVEL, Case, environment, main


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.write("x.c", "int x; int work(void) { return ++x; }\nint main(void) { return work() - 1; }\n")

    def test_commands(self):
        self.assertIn("frobnicate", self.refused(RAVEL, "frobnicate"))
        self.assertIn("ravel help", self.refused(RAVEL))
        self.assertIn("--frobnicate", self.refused(RAVEL, "--frobnicate"))
        self.assertIn("frobnicate", self.refused(RAVEL, "help", "frobnicate"))

    def test_help_and_version(self):
        for args in (("--help",), ("help",), ("-h",)):
            self.assertIn("    cc ", self.quiet(RAVEL, *args))
        self.assertIn("RAVEL_CC", self.quiet(RAVEL, "help", "cc"))
        self.assertRegex(self.quiet(RAVEL, "--version"), r"^ravel \d+\.\d+\.\d+\n$")

    def test_static(self):
        for option in ("-static", "--static", "-static-pie"):
            self.assertIn(option, self.refused(RAVEL, "cc", option, "x.c"))
            self.cc(option, "-c", "x.c")  # nothing is linked
        self.assertIn("-static", self.refused(RAVEL, "cc", "-shared", "-static", "-fPIC", "x.c"))
        self.write("args", "-static x.c")
        self.assertIn("-static", self.refused(RAVEL, "cc", "@args"))

    def test_other_sanitizers(self):
        for name in ("address", "leak", "memory", "hwaddress", "kernel-address", "dataflow"):
            for args in (("-c", "x.c"), ("x.c",), ("-S", "x.c"), ("-E", "x.c")):
                self.assertIn("-fsanitize=" + name, self.refused(RAVEL, "cc", "-fsanitize=" + name, *args))
        self.assertIn("address", self.refused(RAVEL, "cc", "-fsanitize=undefined,address", "-c", "x.c"))
        self.cc("-fsanitize=address", "-fno-sanitize=address", "-c", "x.c")
        self.cc("-fsanitize=address", "-fno-sanitize=all", "-c", "x.c")

    def test_other_machines(self):
        for option in ("-m32", "-mx32"):
            self.assertIn(option, self.refused(RAVEL, "cc", option, "-c", "x.c"))

    def test_compiler_not_found(self):
        line = self.refused(RAVEL, "cc", "-c", "x.c", env=environment(RAVEL_CC="no-such-compiler"))
        self.assertIn("no-such-compiler", line)
        self.assertIn("RAVEL_CC", line)
        self.assertIn("RAVEL_CXX", self.refused(RAVEL, "c++", "-c", "x.c", env=environment(RAVEL_CXX="/no/such/compiler -g")))
        self.assertIn("gone", self.refused(RAVEL, "cc", "--ravel-cc=gone", "-c", "x.c"))
        self.refused(RAVEL, "cc", "--ravel-cc=", "-c", "x.c")
        self.assertIn("neither gcc nor clang", self.refused(RAVEL, "cc", "--ravel-cc=true", "-c", "x.c"))

    def test_ravel_installed_in_part(self):
        os.mkdir(self.path("bin"))
        shutil.copy(RAVEL, self.path("bin/ravel"))
        self.assertIn("lib/ravel", self.refused("bin/ravel", "cc", "x.c"))

    def test_libtsan_in_the_inputs(self):
        self.assertIn("-ltsan", self.refused(RAVEL, "cc", "x.c", "-ltsan"))
        self.ok("gcc", "-fsanitize=thread", "-shared", "-fPIC", "x.c", "-o", "libx.so")
        self.write("main.c", "int work(void); int main(void) { return work() - 1; }\n")
        self.assertIn("./libx.so", self.refused(RAVEL, "cc", "main.c", "./libx.so"))
        self.assertIn("./libx.so", self.refused(RAVEL, "cc", "main.c", "-L.", "-lx"))
        self.assertIn("./libx.so", self.refused(RAVEL, "cc", "main.c", "-L", ".", "-l", "x", "-shared", "-fPIC"))
        libtsan = os.path.realpath(self.ok("gcc", "-print-file-name=libtsan.a").strip())
        if os.path.exists(libtsan):
            shutil.copy(libtsan, self.path("runtime.a"))
            self.assertIn("runtime.a", self.refused(RAVEL, "cc", "x.c", "runtime.a"))
            self.ok("ld", "-r", "--whole-archive", "runtime.a", "-o", "runtime.o")
            self.assertIn("runtime.o", self.refused(RAVEL, "cc", "x.c", "runtime.o"))
        # An object that was compiled for libtsan, but not linked with it, calls the same hooks: it is welcome.
        self.ok("gcc", "-fsanitize=thread", "-c", "x.c")
        self.cc("x.o", "-o", "program")
        self.assert_hooked("program")
        self.quiet(self.path("program"))

    def test_odd_files_are_the_linkers_business(self):
        for name, text in (("empty.o", ""), ("short.o", "\x7fELF"), ("bad.a", "!<arch>\n/ "), ("text.o", "hello\n" * 99)):
            self.write(name, text)
            p = self.run_it(RAVEL, "cc", "x.c", name)
            self.assertNotIn("ravel cc:", p.stderr)
            self.assertGreaterEqual(p.returncode, 0)
        with open(LIB + "/libravel.so", "rb") as f:
            elf = bytearray(f.read())
        for i in range(0, 64):  # a damaged header must not crash us
            damaged = bytearray(elf)
            damaged[i] ^= 0xff
            with open(self.path("damaged.so"), "wb") as f:
                f.write(damaged[:20000])
            self.assertGreaterEqual(self.run_it(RAVEL, "cc", "-###", "x.c", "damaged.so").returncode, 0)

    def test_no_colour_in_a_pipe(self):
        self.assertNotIn("\033", self.refused(RAVEL, "frobnicate", env=environment(TERM="xterm")))


if __name__ == "__main__":
    main()
