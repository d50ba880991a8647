"""`cmake --install`, then everything from the installed files alone, also after they were moved."""
import os
import shutil
import subprocess
import tempfile

from kit import BUILD, Case, environment, main

RACE = """
#include <pthread.h>
#include <stddef.h>
int counter;
static void *add(void *arg) { counter++; return arg; }
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, add, NULL);
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
    return 0;
}
"""
GOROUTINES = """
#include <ravel.h>
#include <stdio.h>
static int counter;
static rv_waitgroup all;
static void add(void *arg) { counter++; rv_wg_done(&all); (void)arg; }
static int start(int argc, char **argv)
{
    rv_wg_add(&all, 2);
    for (int i = 0; i < 2; i++) rv_go(add, NULL);
    rv_wg_wait(&all);
    return printf("%d\\n", counter) < 0 || argc < 1 || !argv;
}
RV_MAIN(start)
"""
FOUND = 66


class Install(Case):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="ravel-install-")
        cls.prefix = cls.root + "/some where"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.root, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.write("race.c", RACE)

    def found(self, *program, **kw):
        p = self.run_it(*program, **kw)
        self.assertEqual(p.returncode, FOUND, p.stderr)
        self.assertIn("WARNING: Ravel: data race", p.stderr)
        return p.stderr

    def compilers(self):
        return [(cc, cxx) for cc, cxx in (("gcc", "g++"), ("clang-19", "clang++-19")) if shutil.which(cc)]

    def test_driver(self):
        for cc, cxx in self.compilers():
            self.quiet(self.prefix + "/bin/ravel", "cc", "race.c", "-o", "race", env=environment(RAVEL_CC=cc))
            self.assertIn("race.c:5", self.found("./race"))
            self.quiet(self.prefix + "/bin/ravel-c++", "-x", "c++", "race.c", "-o", "race", env=environment(RAVEL_CXX=cxx))
            self.assertIn("race.c:5", self.found("./race"))

    def test_nothing_names_the_source_tree(self):
        for root, _, files in os.walk(self.prefix):
            for name in files:
                with open(os.path.join(root, name), "rb") as f:
                    self.assertFalse(BUILD.encode() in f.read(), name)

    def test_moved(self):
        shutil.copytree(self.prefix, self.path("moved"), symlinks=True)
        self.quiet("moved/bin/ravel", "cc", "race.c", "-o", "race")
        self.found("./race")
        self.quiet("moved/bin/ravel", "cc", "-shared", "-fPIC", "race.c", "-o", "race.so")
        self.assertIn(self.path("moved/lib/ravel"), self.ok("readelf", "-d", "race.so"))

    def test_through_a_symbolic_link(self):
        os.symlink(self.prefix + "/bin/ravel", self.path("ravel"))
        self.quiet("./ravel", "cc", "race.c", "-o", "race")
        self.found("./race")

    def test_cmake_package(self):
        self.write("lib.c", "int value; int bump(void) { return ++value; }\n")
        self.write("CMakeLists.txt", """
            cmake_minimum_required(VERSION 3.16)
            project(toy C)
            find_package(Ravel 0.1 REQUIRED)
            find_package(Threads REQUIRED)
            add_library(shared SHARED lib.c)
            add_library(static STATIC lib.c)
            add_library(plugin MODULE lib.c)
            target_link_options(plugin PRIVATE -Wl,-z,defs)
            add_executable(race race.c)
            target_link_libraries(race Threads::Threads static)
            add_executable(plain race.c)
            target_link_libraries(plain Threads::Threads)
            add_executable(optimised race.c)
            target_link_libraries(optimised shared Threads::Threads)
            ravel_instrument(shared static plugin race)
            ravel_instrument(optimised)
            if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
              set_target_properties(optimised PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
            endif()
        """)
        compilers = [cc for cc, _ in self.compilers()] + [self.prefix + "/bin/ravel-cc"]
        for i, cc in enumerate(compilers):
            build = "build-%d" % i
            self.ok("cmake", "-G", "Unix Makefiles", "-B", build, "-DCMAKE_C_COMPILER=" + cc, "-DCMAKE_PREFIX_PATH=" + self.prefix,
                    "-DCMAKE_BUILD_TYPE=Release")
            self.ok("cmake", "--build", build)
            self.assertIn("race.c:5", self.found(build + "/race"))
            self.assertIn("race.c:5", self.found(build + "/optimised"))
            self.assertFalse([n for n in self.needed(build + "/race") if "tsan" in n])
            for file in ("libshared.so", "libplugin.so", "libstatic.a"):
                self.assert_hooked(build + "/" + file, "bump")
            if "ravel" not in cc:
                self.quiet(build + "/plain")
        p = self.run_it("cmake", "-B", "none", "-DCMAKE_PREFIX_PATH=" + self.path("nowhere"))
        self.assertNotEqual(p.returncode, 0)

    def test_goroutines_by_the_driver(self):
        self.write("go.c", GOROUTINES)
        for cc, _ in self.compilers():
            for words in (["-lravel_go"], ["-l", "ravel_go"]):
                self.quiet(self.prefix + "/bin/ravel", "cc", "go.c", *words, "-o", "go", env=environment(RAVEL_CC=cc))
                self.assertIn("goroutine", self.found("./go"))
                self.assertFalse([n for n in self.needed("go") if "ravel" in n])

    def test_goroutines_by_plain_compilers(self):
        self.write("go.c", GOROUTINES)
        lib = self.prefix + "/lib/ravel"
        for cc, _ in self.compilers():
            self.quiet(cc, "go.c", "-I" + self.prefix + "/include", "-L" + lib, "-lravel_go", "-o", "go")
            self.assertIn("libravel_go.so", self.needed("go"))
            self.assertEqual(self.quiet("./go", env=environment(LD_LIBRARY_PATH=lib)), "2\n")
            self.quiet(cc, "go.c", "-I" + self.prefix + "/include", lib + "/libravel_go.a", "-o", "go")
            self.assertEqual(self.quiet("./go"), "2\n")

    def test_goroutines_by_packages(self):
        self.write("go.c", GOROUTINES)
        self.write("CMakeLists.txt", """
            cmake_minimum_required(VERSION 3.16)
            project(toy C)
            find_package(Ravel 0.1 REQUIRED)
            add_executable(plain go.c)
            target_link_libraries(plain PRIVATE Ravel::go)
            add_executable(race go.c)
            target_link_libraries(race PRIVATE Ravel::go)
            ravel_instrument(race)
        """)
        for i, (cc, _) in enumerate(self.compilers()):
            build = "build-%d" % i
            self.ok("cmake", "-G", "Unix Makefiles", "-B", build, "-DCMAKE_C_COMPILER=" + cc, "-DCMAKE_PREFIX_PATH=" + self.prefix)
            self.ok("cmake", "--build", build)
            self.assertEqual(self.quiet(build + "/plain"), "2\n")
            self.assertIn("goroutine", self.found(build + "/race"))
        if not shutil.which("pkg-config"):
            return
        prefix = self.root + "/prefix-go"  # without blanks
        os.symlink(self.prefix, prefix)
        env = environment(PKG_CONFIG_PATH=prefix + "/lib/pkgconfig")
        words = self.ok("pkg-config", "--cflags", "--libs", "ravel-go", env=env).split()
        self.quiet("gcc", "go.c", *words, "-o", "go")
        self.assertEqual(self.quiet("./go"), "2\n")

    def test_pkg_config(self):
        if not shutil.which("pkg-config"):
            self.skipTest("pkg-config is not installed")
        prefix = self.root + "/prefix"  # without blanks, which pkg-config does not quote
        os.symlink(self.prefix, prefix)
        env = environment(PKG_CONFIG_PATH=prefix + "/lib/pkgconfig")
        ask = lambda *args: self.ok("pkg-config", *args, env=env).split()
        for cc, _ in self.compilers():
            name = "ravel-clang" if "clang" in cc else "ravel"
            self.quiet(cc, *ask("--cflags", name), "race.c", *ask("--libs", name), "-o", "race")
            self.assertIn("race.c:5", self.found("./race"))
            self.assertFalse([n for n in self.needed("race") if "tsan" in n])
            self.quiet(cc, *ask("--cflags", name), "-shared", "-fPIC", "-Wl,-z,defs", "race.c", *ask("--libs", "ravel-shared"), "-o",
                       "race.so")
            self.assert_hooked("race.so", "add")

    def test_meson_with_the_plain_compiler(self):
        if not shutil.which("meson") or not shutil.which("pkg-config"):
            self.skipTest("meson or pkg-config is not installed")
        os.makedirs(self.root + "/meson", exist_ok=True)
        for cc, _ in self.compilers():
            at = self.root + "/meson/" + cc
            os.makedirs(at)
            shutil.copy(self.path("race.c"), at)
            with open(at + "/meson.build", "w") as f:
                f.write("""
                    project('toy', 'c', default_options: ['buildtype=debugoptimized', 'b_lundef=true'])
                    clang = meson.get_compiler('c').get_id() == 'clang'
                    ravel = dependency(clang ? 'ravel-clang' : 'ravel')
                    ravel_shared = [ravel.partial_dependency(compile_args: true), dependency('ravel-shared')]
                    threads = dependency('threads')
                    executable('race', 'race.c', dependencies: [ravel, threads])
                    shared_library('toy', 'race.c', dependencies: [ravel_shared, threads])
                """)
            os.symlink(self.prefix, at + "/prefix")
            env = environment(CC=cc, PKG_CONFIG_PATH=at + "/prefix/lib/pkgconfig")
            self.ok("meson", "setup", "build", env=env, cwd=at)
            self.ok("ninja", "-C", "build", env=env, cwd=at)
            self.assertIn("race.c:5", self.found(at + "/build/race"))


if __name__ == "__main__":
    main()
