#!/usr/bin/env python3
"""gdb.py PROGRAM: runtime/ravel-gdb.py on gdb_program.c: live, on a core of gdb's, on a core of the kernel's.

77 (skipped) where there is no gdb."""
import glob
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "runtime", "ravel-gdb.py")
PROGRAM = os.path.abspath(sys.argv.pop(1))


def gdb(*commands, files=(PROGRAM,), options=""):
    args = ["gdb", "-batch", "-nx", "-ex", "source " + SCRIPT]
    for c in commands:
        args += ["-ex", c]
    env = dict(os.environ, RAVEL_OPTIONS="maxprocs=1 " + options)
    done = subprocess.run(args + list(files), capture_output=True, text=True, timeout=120, env=env)
    return done.stdout + done.stderr


def functions(bt):
    return re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([\w.]+) \(", bt, re.M)


class Goroutines(unittest.TestCase):
    def check_all(self, text):
        """`info goroutines` and `goroutine all bt`, stopped in gdb_stop_here."""
        self.assertNotIn("Python Exception", text)
        self.assertNotIn("Backtrace stopped", text)
        self.assertRegex(text, r"(?m)^\* +1 \[running\]  \w+ ")
        self.assertRegex(text, r"(?m)^  +2 \[chan receive\]  gdb_wait_deep \(\) at .*gdb_program\.c:\d+$")
        self.assertRegex(text, r'(?m)^  +3 "patient" \[chan receive\]  gdb_wait_deep ')
        bts = dict(re.findall(r"^goroutine (\d+)[^\n]*:\n(.*?)\n\n", text + "\n\n", re.M | re.S))
        self.assertEqual(sorted(bts), ["1", "2", "3", "4"])
        self.assertEqual(functions(bts["1"])[-4:-1], ["main_goroutine_of_test", "rv__main_goroutine", "rv__main"])
        for id, deep in (("2", 1), ("3", 6)):
            names = functions(bts[id])
            self.assertEqual(names[-2 - deep - 1:-1], ["gdb_wait_deep"] * deep + ["waits", "rv__main"])
            self.assertEqual(names[-1].replace(".", "__"), "rv__start")
            self.assertEqual(re.findall(r"^#(\d+)", bts[id], re.M), [str(i) for i in range(len(names))])

    def test_live(self):
        text = gdb("break gdb_stop_here", "run", "info goroutines", "goroutine all bt")
        self.check_all(text)

    def test_the_thread_is_left_as_it_was(self):
        text = gdb("break gdb_stop_here", "run", "echo ====\\n", "bt", "echo ====\\n", "goroutine 3 bt", "echo ====\\n", "bt",
                   "echo ====\\n", "continue")
        _, before, _, after, _ = text.split("====\n")
        self.assertEqual(functions(before)[:2], ["gdb_stop_here", "main_goroutine_of_test"])
        self.assertEqual(before, after)
        self.assertRegex(text, "exited normally")

    def test_frames(self):
        text = gdb("break gdb_stop_here", "run", "goroutine 3 up 7", "goroutine 3 frame function waits", "goroutine 2 info registers rsp",
                   "p $rsp", "p (long)rv__g_blocks")
        self.assertRegex(text, r"waits \(depth=")
        one, other = re.search(r"rsp +0x([0-9a-f]+).*\$1 = \(void \*\) 0x([0-9a-f]+)", text, re.S).groups()
        self.assertGreater(abs(int(one, 16) - int(other, 16)), 16 << 10)

    def test_before_it_begins(self):
        text = gdb("break rv__g_launch", "run", "info goroutines", "goroutine 2 bt")
        self.assertRegex(text, r"(?m)^  +2 \[runnable\]  <waits>, not begun$")
        self.assertIn("has not begun: <waits>", text)

    def test_mistakes(self):
        text = gdb("break gdb_stop_here", "run", "goroutine 77 bt", "goroutine", "goroutine seven bt")
        self.assertIn("there is no goroutine 77", text)
        self.assertEqual(text.count("goroutine N COMMAND or goroutine all COMMAND"), 2)

    def test_core_of_gdb(self):  # gdb reads 1 MiB at a time, and guards in the page table make it drop all of that
        with tempfile.TemporaryDirectory() as d:
            core = os.path.join(d, "core")
            gdb("break gdb_stop_here", "run", "generate-core-file " + core, options="stack_guard=mprotect")
            self.check_all(gdb("info goroutines", "goroutine all bt", files=(PROGRAM, core)))

    def test_core_of_the_kernel(self):
        with open("/proc/sys/kernel/core_pattern") as f:
            if not re.match(r"core\b", f.read()):
                self.skipTest("cores do not go to the current directory here")
        with tempfile.TemporaryDirectory() as d:
            unlimited = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            env = dict(os.environ, RAVEL_OPTIONS="maxprocs=1")
            subprocess.run([PROGRAM, "abort"], cwd=d, preexec_fn=unlimited, env=env, timeout=60)
            cores = glob.glob(d + "/core*")
            self.assertEqual(len(cores), 1)
            self.check_all(gdb("info goroutines", "goroutine all bt", files=(PROGRAM, cores[0])))


if __name__ == "__main__":
    if not shutil.which("gdb"):
        print("skipped: there is no gdb")
        sys.exit(77)
    unittest.main()
