"""kit.py: what the tests of `ravel cc` share.

Each script is a unittest program: `script.py BUILD_DIRECTORY [COMPILER CXX_COMPILER]`. A test works in a directory of its
own, runs commands, and looks at what came out with binutils: a mode that silently leaves the hooks out must fail.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1])
RAVEL = BUILD + "/bin/ravel"
LIB = BUILD + "/lib/ravel"
CC = sys.argv[2] if len(sys.argv) > 2 else "gcc"
CXX = sys.argv[3] if len(sys.argv) > 3 else "g++"
IS_CLANG = "clang" in os.path.basename(CC)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("RAVEL_", "TSAN_")) and k not in
           ("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "LD_PRELOAD", "LD_LIBRARY_PATH")}
    env.update(LC_ALL="C", RAVEL_CC=CC, RAVEL_CXX=CXX)
    env.update(more)
    return {k: v for k, v in env.items() if v is not None}


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="ravel cc ")  # with a blank: paths must not be taken apart
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(text)
        return name

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def run_it(self, *args, input=None, env=None, cwd=None):
        return subprocess.run([str(a) for a in args], input=input, env=env or environment(), cwd=cwd or self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=600)

    def ok(self, *args, **kw):
        """Runs it; it must succeed. Returns what it printed on stdout."""
        p = self.run_it(*args, **kw)
        self.assertEqual(p.returncode, 0, "%s\n%s%s" % (" ".join(map(str, args)), p.stdout, p.stderr))
        return p.stdout

    def quiet(self, *args, **kw):
        """As ok(), and it must have printed nothing on stderr."""
        p = self.run_it(*args, **kw)
        self.assertEqual((p.returncode, p.stderr), (0, ""), " ".join(map(str, args)))
        return p.stdout

    def cc(self, *args, **kw):
        return self.quiet(RAVEL, "cc", *args, **kw)

    def cxx(self, *args, **kw):
        return self.quiet(RAVEL, "c++", *args, **kw)

    def refused(self, *args, code=2, **kw):
        """Runs it; it must print one line on stderr and exit with the code. Returns the line."""
        p = self.run_it(*args, **kw)
        self.assertEqual((p.returncode, p.stdout), (code, ""), "%s\n%s" % (" ".join(map(str, args)), p.stderr))
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertTrue(p.stderr.startswith("ravel"), p.stderr)
        return p.stderr

    def symbols(self, file, *options):
        return self.ok("nm", *options, self.path(file))

    def hooks(self, file, function):
        """The hooks that `function` calls, in order: from the disassembly of an object, executable or shared object."""
        listing = self.ok("objdump", "-dr", "--no-show-raw-insn", "--disassemble=" + function, self.path(file))
        return re.findall(r"__tsan_\w+", re.sub(r"<(__tsan_\w+)@plt>", r"\1", listing))

    def assert_hooked(self, file, function="work"):
        hooks = self.hooks(file, function)
        self.assertTrue(any("write" in h for h in hooks), "%s: no access hook in %s: %s" % (file, function, hooks))

    def assert_plain(self, file, function="work"):
        self.assertEqual(self.hooks(file, function), [], file)

    def needed(self, file):
        return re.findall(r"NEEDED.*\[(.*)\]", self.ok("readelf", "-d", self.path(file)))


def main():
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])  # after the compilers: unittest's own, such as the name of a test
