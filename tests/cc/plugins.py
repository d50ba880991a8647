"""Executables, libraries and plugins, each with and without Ravel, in one process."""
from kit import LIB, RAVEL, Case, environment, main

# A race that loses no update, for the result is looked at: the threads take turns by what no detector sees.
PLUGIN = """
#include <pthread.h>
#include <sched.h>
static int counter; static void my_turn(int), turn_over(void);
static void *add(void *arg) { my_turn(arg != 0); counter++; turn_over(); return 0; }
int work(void)
{
    pthread_t t[2];
    for (int i = 0; i < 2; i++) pthread_create(&t[i], 0, add, i ? &counter : 0);
    for (int i = 0; i < 2; i++) pthread_join(t[i], 0);
    return counter;
}
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))
static volatile int turn;
UNSEEN static void my_turn(int me) { while (turn % 2 != me) sched_yield(); }
UNSEEN static void turn_over(void) { turn++; }
"""
HOST = """
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        void *lib = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (!lib) return fprintf(stderr, "%s\\n", dlerror()), 1;
        int (*work)(void) = (int (*)(void))dlsym(lib, "work");
        printf("%d\\n", work());
        fflush(stdout);
    }
    return 0;
}
"""
FOUND = 66


class Plugins(Case):
    def setUp(self):
        super().setUp()
        self.write("plugin.c", PLUGIN)
        self.write("host.c", HOST)

    def test_both_with_ravel(self):
        self.cc("host.c", "-o", "host")
        self.cc("-g", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so")
        p = self.run_it("./host", "./plugin.so")
        self.assertEqual((p.returncode, p.stdout), (FOUND, "2\n"), p.stderr)
        self.assertEqual(p.stderr.count("WARNING: Ravel: data race"), 1, p.stderr)
        self.assertIn("plugin.c:5", p.stderr)

    def test_linked_library_with_ravel(self):
        self.cc("-g", "-shared", "-fPIC", "-Wl,-z,defs", "plugin.c", "-o", "libwork.so")
        self.write("main.c", "int work(void); int main(void) { return work() - 2; }\n")
        self.cc("main.c", "-L.", "-lwork", "-Wl,-rpath,$ORIGIN", "-o", "main")
        p = self.run_it("./main")
        self.assertEqual(p.returncode, FOUND, p.stderr)
        self.assertEqual(p.stderr.count("WARNING: Ravel: data race"), 1, p.stderr)

    def test_plain_plugin_in_a_host_with_ravel(self):
        self.cc("host.c", "-o", "host")
        self.ok("gcc", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so")
        self.assertEqual(self.quiet("./host", "./plugin.so"), "2\n")

    def test_plugins_in_a_host_without_ravel(self):
        self.ok("gcc", "host.c", "-o", "host")
        for name in ("one.so", "two.so"):
            self.cc("-g", "-shared", "-fPIC", "plugin.c", "-o", name)
        p = self.run_it("./host", "./one.so", "./two.so")
        self.assertEqual((p.returncode, p.stdout), (0, "2\n2\n"), p.stderr)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)  # nothing is checked, and that is said once
        self.assertIn("LD_PRELOAD", p.stderr)
        self.assertIn("libravel.so", p.stderr)
        p = self.run_it("./host", "./one.so", env=environment(LD_PRELOAD=LIB + "/libravel.so"))
        self.assertEqual((p.returncode, p.stdout), (FOUND, "2\n"), p.stderr)
        self.assertIn("plugin.c:5", p.stderr)

    def test_a_library_with_ravel_in_a_program_without(self):
        self.cc("-shared", "-fPIC", "plugin.c", "-o", "libwork.so")
        self.write("main.c", "int work(void); int main(void) { return work() - 2; }\n")
        self.ok("gcc", "main.c", "-L.", "-lwork", "-Wl,-rpath,$ORIGIN", "-o", "main")
        p = self.run_it("./main")
        self.assertIn(p.returncode, (0, FOUND), p.stderr)

    def test_a_copy_that_cannot_see_the_programs(self):
        """RTLD_DEEPBIND, and a program that hides all its symbols: one detector works, the other says what is missed."""
        self.cc("-shared", "-fPIC", "plugin.c", "-o", "plugin.so")
        self.write("hide", "{ local: *; };\n")
        self.write("deep.c", "#define _GNU_SOURCE\n" + HOST.replace("RTLD_LOCAL", "RTLD_DEEPBIND"))
        self.cc("deep.c", "-o", "deep")
        self.cc("host.c", "-Wl,--version-script=hide", "-o", "hiding")
        for host in ("./deep", "./hiding"):
            p = self.run_it(host, "./plugin.so")
            self.assertEqual((p.returncode, p.stdout), (0, "2\n"), p.stderr)
            self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
            self.assertIn("not checked", p.stderr)

    def test_unload(self):
        self.write("reload.c", HOST.replace("fflush(stdout);", "fflush(stdout); dlclose(lib);"))
        self.cc("-shared", "-fPIC", "plugin.c", "-o", "plugin.so")
        for compile in (self.cc, lambda *a: self.ok("gcc", *a)):
            compile("reload.c", "-o", "host")
            p = self.run_it("./host", "./plugin.so", "./plugin.so", "./plugin.so")
            self.assertIn(p.returncode, (0, FOUND), p.stderr)
            self.assertEqual(p.stdout.count("\n"), 3)


if __name__ == "__main__":
    main()
