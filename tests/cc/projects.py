"""make, autoconf with automake, CMake and Meson take `ravel cc` for their compiler without noticing.

Each project has a library, a program that races in it, and a test program that does not.
"""
import glob
import os
import shutil

from kit import RAVEL, Case, environment, main

LIBRARY = """
#include "bump.h"
static int counter;
void *bump(void *arg) { counter++; return arg; }
int count(void) { return counter; }
"""
HEADER = "void *bump(void *arg);\nint count(void);\n"
PROGRAM = """
#include <pthread.h>
#include <stddef.h>
#include "bump.h"
int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&t[i], NULL, bump, NULL);
#ifdef QUIET
        pthread_join(t[i], NULL);
#endif
    }
#ifndef QUIET
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
#endif
    return count() == 2 ? 0 : 1;
}
"""
FOUND = 66


class Projects(Case):
    def setUp(self):
        super().setUp()
        # These tools do not all survive blanks in the path of a project; that is not what is tested here.
        os.rename(self.dir, self.dir.replace(" ", "-"))
        self.dir = self.dir.replace(" ", "-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.write("bump.c", LIBRARY)
        self.write("bump.h", HEADER)
        self.write("program.c", PROGRAM)
        self.write("quiet.c", "#define QUIET\n" + PROGRAM)

    def env(self, cc):
        return environment(CC=RAVEL + " cc", CXX=RAVEL + " c++", RAVEL_CC=cc,
                           RAVEL_CXX=cc.replace("gcc", "g++").replace("clang", "clang++"))

    def compilers(self):
        return [cc for cc in ("gcc", "clang-19") if shutil.which(cc)]

    def need(self, *tools):
        for tool in tools:
            if not shutil.which(tool):
                self.skipTest(tool + " is not installed")

    def check(self, directory):
        """The racy program is found out, the other is clean; both by files named as here."""
        program, quiet = (min(glob.glob(self.path(directory) + "/**/" + n, recursive=True), key=len) for n in ("program", "quiet"))
        p = self.run_it(program)
        self.assertEqual(p.returncode, FOUND, p.stderr)
        self.assertIn("bump.c:4", p.stderr)
        self.quiet(quiet)

    def test_make(self):
        self.need("make")
        self.write("Makefile", "CFLAGS = -O2 -Wall -Werror\nLDLIBS = -lpthread\nall: program quiet\nprogram: program.o libbump.a\n"
                               "quiet: quiet.o libbump.a\nlibbump.a: libbump.a(bump.o)\n")
        for cc in self.compilers():
            self.ok("make", "-B", "-s", "CC=" + RAVEL + " cc", env=self.env(cc))
            self.check(".")

    def test_autoconf(self):
        """With automake, and with libtool where it is installed."""
        self.need("autoreconf", "automake", "make")
        libtool = shutil.which("libtoolize")
        self.write("configure.ac", """
            AC_INIT([toy], [1.0])
            AM_INIT_AUTOMAKE([foreign])
            AC_PROG_CC
            AM_PROG_AR
            %s
            AC_CHECK_HEADERS([pthread.h stdatomic.h no/such/header.h])
            AC_CHECK_FUNCS([pthread_create memcpy no_such_function])
            AC_SEARCH_LIBS([pthread_create], [pthread])
            AC_CHECK_SIZEOF([long])
            AC_CONFIG_HEADERS([config.h])
            AC_CONFIG_FILES([Makefile])
            AC_OUTPUT
        """ % ("LT_INIT([disable-static])" if libtool else "AC_PROG_RANLIB"))
        la = "la" if libtool else "a"
        self.write("Makefile.am", "%s = libbump.%s\nlibbump_%s_SOURCES = bump.c\n" % (
            "lib_LTLIBRARIES" if libtool else "noinst_LIBRARIES", la, la) +
            "noinst_PROGRAMS = program\ncheck_PROGRAMS = quiet\nTESTS = quiet\nLDADD = libbump.%s\n" % la +
            ("libbump_la_LDFLAGS = -no-undefined -Wl,-z,defs\n" if libtool else ""))
        self.ok("autoreconf", "-i", env=environment())
        os.makedirs(self.path("build"))
        at, env = self.path("build"), self.env("gcc")
        self.ok("../configure", "-q", env=env, cwd=at)
        config = self.read("build/config.h")
        for line in ("#define HAVE_PTHREAD_H 1", "#define SIZEOF_LONG 8", "#define HAVE_MEMCPY 1",
                     "/* #undef HAVE_NO_SUCH_FUNCTION */", "/* #undef HAVE_NO_SUCH_HEADER_H */"):
            self.assertIn(line, config)
        self.ok("make", "-s", "CFLAGS=-O2 -Wall -Werror", "all", "check", env=env, cwd=at)
        self.check("build")  # libtool puts scripts there that run the programs
        if libtool:
            self.assert_hooked("build/.libs/libbump.so", "bump")

    def test_cmake(self):
        self.need("cmake", "make")
        self.write("CMakeLists.txt", """
            cmake_minimum_required(VERSION 3.16)
            project(toy C CXX)
            find_package(Threads REQUIRED)
            include(CheckCSourceCompiles)
            include(CheckIPOSupported)
            check_ipo_supported()
            check_c_source_compiles("int main(void) { return 0; }" WORKS)
            if(NOT WORKS)
              message(FATAL_ERROR "no")
            endif()
            add_compile_options(-Wall -Werror)
            add_library(bump SHARED bump.c)
            target_link_options(bump PRIVATE -Wl,--no-undefined)
            foreach(name program quiet)
              add_executable(${name} ${name}.c)
              target_link_libraries(${name} bump Threads::Threads)
            endforeach()
            install(TARGETS bump program quiet)
            set_target_properties(program quiet PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
            enable_testing()
            add_test(NAME quiet COMMAND quiet)
        """)
        for cc in self.compilers():
            build = "build-" + cc
            self.ok("cmake", "-G", "Unix Makefiles", "-B", build, "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                    "-DCMAKE_INSTALL_PREFIX=" + self.path("prefix-" + cc), "-DCMAKE_INSTALL_LIBDIR=lib", env=self.env(cc))
            self.ok("cmake", "--build", build, env=self.env(cc))
            self.ok("ctest", cwd=self.path(build))
            self.check(build)
            self.ok("cmake", "--install", build)
            self.check("prefix-" + cc)

    def test_meson(self):
        self.need("meson", "ninja")
        self.write("meson.build", """
            project('toy', 'c', default_options: ['warning_level=3', 'werror=true', 'buildtype=debugoptimized'])
            cc = meson.get_compiler('c')
            assert(cc.has_header('pthread.h') and not cc.has_function('no_such_function'))
            assert(cc.has_argument('-Wshadow') and not cc.has_argument('-fno-such-option'))
            threads = dependency('threads')
            bump = shared_library('bump', 'bump.c', install: true)
            program = executable('program', 'program.c', link_with: bump, dependencies: threads, install: true)
            quiet = executable('quiet', 'quiet.c', link_with: bump, dependencies: threads, install: true)
            test('quiet', quiet)
        """)
        for cc in self.compilers():
            build = "build-" + cc
            self.ok("meson", "setup", build, "--prefix=" + self.path("prefix-" + cc), "--libdir=lib", "-Dc_link_args=-Wl,-rpath,$ORIGIN/../lib",
                    env=self.env(cc))
            self.ok("ninja", "-C", build, env=self.env(cc))
            self.ok("meson", "test", "-C", build, env=self.env(cc))
            self.check(build)


if __name__ == "__main__":
    main()
