"""Many runs (--repeat, --jobs) and many machines (--shard, --from)."""
import json
import os
import pty
import re
import subprocess
import unittest

from gatekit import RAVEL, GateCase, built, environment, main


class Repeat(GateCase):
    # Run 2 races, run 3 fails; each says which one it is.
    SOMETIMES = 'echo "this is run $RAVEL_RUN"; case $RAVEL_RUN in 2) exec "$0" race;; 3) exec "$0" clean 4;; ' \
                '*) exec "$0" clean;; esac'

    def sometimes(self, *options, **more):
        return self.gate(*options, "sh", "-c", self.SOMETIMES, built("ways"), **more)

    def test_in_how_many_runs(self):
        o = self.expect(self.sometimes("--repeat", "5"), 1, "new=1")
        (finding,) = o.summary["findings"]
        self.assertEqual((finding["runs"], o.summary["repeat"], o.summary["failed_runs"], o.summary["command"]), (1, 5, 1, 4))
        self.assertIn("in 1 of 5 runs", o.out)
        self.assertEqual([r["code"] for r in o.summary["runs"]], [0, 0, 4, 0, 0])

    def test_output(self):
        """The first run's is shown. A failed run's is kept in a file; of the others, nothing."""
        o = self.sometimes("--repeat", "4")
        self.assertIn("this is run 1\n", o.out)
        self.assertNotIn("this is run 2\n", o.out)
        path = re.search(r"output of run 3: (.*)", o.out).group(1)
        with open(path) as f:
            self.assertEqual(f.read(), "this is run 3\n")
        self.assertEqual(os.listdir(os.path.dirname(path)), ["run-3.txt"])
        self.assertIn("output in " + path, o.err)

    def test_plain_lines(self):
        o = self.sometimes("--repeat", "3")
        lines = o.err.rstrip("\n").split("\n")
        self.assertEqual(len(lines), 3, o.err)
        self.assertRegex(lines[0], r"^ravel gate: run 1 of 3: exit code 0, .* s; 0 findings so far, about .* left$")
        self.assertRegex(lines[2], r"^ravel gate: run 3 of 3: exit code 4, output in .*; 1 finding so far$")

    def test_jobs_run_at_once(self):
        """Three runs that wait for one another: with fewer jobs this would never end."""
        os.mkfifo(self.path("fifo"))
        meet = 'if [ $RAVEL_RUN = 1 ]; then cat fifo > /dev/null; else echo x > fifo; fi; exec "$0" race'
        o = self.expect(self.gate("--repeat", "2", "--jobs", "2", "sh", "-c", meet, built("ways")), 1, "new=1")
        self.assertIn("in 2 of 2 runs", o.out)
        self.assertEqual(o.summary["processes"], 2)

    def test_logs_of_each_run(self):
        self.sometimes("--repeat", "3", "--keep-logs", "logs")
        self.assertEqual(sorted(os.listdir(self.path("logs"))), ["run-1", "run-2", "run-3"])
        self.assertEqual(os.listdir(self.path("logs.output")), ["run-3.txt"])
        self.expect(self.gate("--from", "logs"), 1, "new=1")

    def test_every_run_must_report_in(self):
        o = self.gate("--repeat", "3", "sh", "-c", '[ $RAVEL_RUN = 2 ] || exec "$0" clean', built("ways"))
        self.expect(o, 2, "trouble: run 2: no process reported in: was it built with ravel cc?")

    def test_a_signal_ends_it(self):
        p = subprocess.Popen([RAVEL, "gate", "--repeat", "9", built("ways"), "hang"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, universal_newlines=True,
                             env=environment(TMPDIR=self.dir))
        self.assertEqual(p.stdout.readline(), "ready\n")
        p.terminate()
        out, err = p.communicate(timeout=300)
        self.assertEqual((p.returncode, out.rstrip().split("\n")[-1]),
                         (2, "ravel gate: trouble: stopped by signal 15 (Terminated) after 1 of 9 runs"), err)
        self.assertIn("1 new", out)
        for name in os.listdir(self.dir):  # the failed run's output stays, and it was the first: nothing does
            self.assertFalse(name.startswith("ravel-gate-"), name)

    def test_progress_on_a_terminal(self):
        main_end, sub_end = pty.openpty()
        p = subprocess.Popen([RAVEL, "gate", "--repeat", "3", "sh", "-c", self.SOMETIMES.replace("clean 4", "clean"), built("ways")],
                             stdout=subprocess.PIPE, stderr=sub_end, stdin=subprocess.DEVNULL,
                             env=environment(TMPDIR=self.dir, TERM="xterm"))
        os.close(sub_end)
        err = b""
        try:
            while True:
                some = os.read(main_end, 65536)
                if not some:
                    break
                err += some
        except OSError:
            pass  # the other end is closed
        os.close(main_end)
        p.stdout.read()
        p.stdout.close()
        self.assertEqual(p.wait(timeout=300), 1)
        self.assertIn(b"1 of 3 runs, 0 findings so far, about", err)
        self.assertIn(b"2 of 3 runs, 1 finding so far, about", err)
        self.assertTrue(err.endswith(b"\r\033[K"), "the bar is wiped away")


class Shard(GateCase):
    def ctest_project(self, names):
        tests = "".join('add_test(NAME "%s" COMMAND sh "%s" "%s")\n' % (n, self.path("one.sh"), n) for n in names)
        self.write("one.sh", 'echo "$1 $RAVEL_SHARD" >> "%s"; exec "%s" clean\n' % (self.path("done"), built("ways")))
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(x NONE)\nenable_testing()\n" + tests)
        self.ok("cmake", "-B", "build", "-S", ".")

    def run_shards(self, count, *command):
        """Every shard of so many; returns what was run: pairs of the test and its shard."""
        self.write("done", "")
        for i in range(1, count + 1):
            o = self.gate("--shard", "%d/%d" % (i, count), *command)
            self.expect(o, 0, "clean")
            self.assertEqual(o.summary["shard"], "%d/%d" % (i, count))
        return [tuple(x.rsplit(" ", 1)) for x in self.read("done").split("\n") if x]

    NAMES = ["alpha", "beta", "gamma", "delta one", "unit.x", "unit.y", "unit.z", "a(b)", "c+d|e"]

    def test_ctest_runs_every_test_exactly_once(self):
        self.ctest_project(self.NAMES)
        for count in (1, 2, 3, 20):
            done = self.run_shards(count, "ctest", "--test-dir", "build")
            self.assertEqual(sorted(name for name, _ in done), sorted(self.NAMES), count)
        self.assertGreater(len({shard for _, shard in done}), 1)

    def test_ctest_with_a_filter_of_the_user(self):
        self.ctest_project(self.NAMES)
        done = self.run_shards(2, "ctest", "--test-dir", "build", "-R", "unit")
        self.assertEqual(sorted(name for name, _ in done), ["unit.x", "unit.y", "unit.z"])

    def test_a_new_test_moves_no_other(self):
        self.ctest_project(self.NAMES)
        before = dict(self.run_shards(3, "ctest", "--test-dir", "build"))
        self.ctest_project(["first", *self.NAMES])
        after = dict(self.run_shards(3, "ctest", "--test-dir", "build"))
        self.assertEqual({k: v for k, v in after.items() if k != "first"}, before)

    def test_criterion_runs_every_test_exactly_once(self):
        names = ["%s::%s%d" % (suite, test, i) for suite in ("one", "two") for test in ("a", "b") for i in range(3)]
        body = "#include <criterion/criterion.h>\n#include <fcntl.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n" \
               "static void done(const char *name) { int fd = open(getenv(\"DONE\"), O_WRONLY | O_APPEND);\n" \
               "    cr_assert(write(fd, name, strlen(name)) > 0); }\n"
        body += "".join('Test(%s, %s) { done("%s x\\n"); }\n' % (*n.split("::"), n) for n in names)
        self.write("many.c", body)
        self.cc("-g", "many.c", "-o", "many", "-lcriterion")
        os.environ["DONE"] = self.path("done")
        self.addCleanup(os.environ.pop, "DONE")
        for count in (1, 3):
            done = self.run_shards(count, self.path("many"))
            self.assertEqual(sorted(name for name, _ in done), sorted(names))

    def test_other_commands_are_told(self):
        o = self.gate("--shard", "2/3", "sh", "-c", 'echo "shard=$RAVEL_SHARD"; exec "$0" clean', built("ways"))
        self.assertIn("shard=2/3\n", self.expect(o, 0, "clean").out)

    def test_shards_are_judged_together(self):
        """Each machine keeps its logs; one judges. What neither found is fixed, what one found is known."""
        self.write("base.json", json.dumps({"ravel-baseline": 1, "findings": [{"fingerprint": "00000000000000aa"}]}))
        for i in (1, 2):
            o = self.gate("--shard", "%d/2" % i, "--keep-logs", "logs%d" % i, "--baseline", "base.json", "sh", "-c",
                          '[ $RAVEL_SHARD = 1/2 ] && exec "$0" race; exec "$0" clean', built("ways"))
            self.assertEqual((o.code, o.summary["fixed"]), (1 if i == 1 else 0, 0), o)
        o = self.expect(self.gate("--from", "logs1", "--from", "logs2", "--baseline", "base.json"), 1, "new=1")
        self.assertEqual((o.summary["processes"], o.summary["fixed"]), (2, 1))

    def test_bad_input(self):
        self.ctest_project([])
        self.assertIn("ctest lists no tests", self.refused_gate("--shard", "1/2", "ctest", "--test-dir", "build"))
        self.assertIn("leave yours out", self.refused_gate("--shard", "1/2", "ctest", "-I", "1,2"))
        for bad in ("0/2", "3/2", "x", "1/0", "1/"):
            self.refused_gate("--shard", bad, "true")
        self.assertIn("--update-baseline would drop", self.refused_gate("--shard", "1/2", "--baseline", "b", "--update-baseline", "true"))
        self.assertIn("one shard cannot tell", self.refused_gate("--shard", "1/2", "--baseline", "b", "--fail-on-fixed", "true"))


if __name__ == "__main__":
    main()
