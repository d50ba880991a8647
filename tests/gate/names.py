"""In which test was it? RAVEL_TEST_NAME, Criterion, gtest, TAP."""
import os
import pty
import subprocess
import unittest

from gatekit import HERE, RAVEL, GateCase, built, environment, line, log, main, report, summary


class Names(GateCase):
    def named(self, o):
        return {f["object"]: f["tests"] for f in o.summary["findings"]}

    def test_from_the_environment(self):
        o = self.gate(built("tap"), "flush", RAVEL_TEST_NAME="mine")
        self.assertEqual(self.named(o), {"global 'total'": ["mine"]})

    def test_tap(self):
        """By fflush, by write(2), and from what is left in the buffer at the end. A line that stdio wrote out by itself shows
        only as long as it is in the buffer: the number is known, the name is not."""
        for how, name in (("flush", "TAP 2 - adding"), ("write", "TAP 2 - adding"), ("none", "TAP 2 - adding"), ("line", "TAP 2")):
            o = self.gate(built("tap"), how)
            self.assertEqual(self.named(o), {"global 'total'": [name]}, how)

    def test_it_can_be_turned_off(self):
        o = self.gate(built("tap"), "flush", RAVEL_OPTIONS="test_names=off")
        self.assertEqual(self.named(o), {"global 'total'": []})

    def google(self):
        if not os.path.exists("/usr/include/gtest/gtest.h"):
            self.skipTest("gtest is not here")
        self.cxx("-g", "-pthread", os.path.join(HERE, "programs", "google.cc"), "-o", "google", "-lgtest")
        return self.path("google")

    def test_gtest(self):
        program = self.google()
        wanted = {"global 'total'": ["Numbers.Add"], "global 'after'": []}
        self.assertEqual(self.named(self.gate(program)), wanted)
        self.assertEqual(self.named(self.gate(program, "--gtest_color=yes")), wanted)

    def test_gtest_on_a_terminal(self):
        import json
        program, path = self.google(), self.path("s.json")
        main_end, sub_end = pty.openpty()
        p = subprocess.Popen([RAVEL, "gate", "--summary-json", path, program], stdout=sub_end, stderr=sub_end,
                             stdin=subprocess.DEVNULL, env=environment(TMPDIR=self.dir, TERM="xterm"))
        os.close(sub_end)
        out = b""
        try:
            while True:
                some = os.read(main_end, 65536)
                if not some:
                    break
                out += some
        except OSError:
            pass  # the other end is closed
        os.close(main_end)
        self.assertEqual(p.wait(timeout=300), 1, out)
        self.assertIn(b"\033[1;31mnew\033[0m", out)
        with open(path) as f:
            found = json.load(f)["findings"]
        self.assertEqual({x["object"]: x["tests"] for x in found}["global 'total'"], ["Numbers.Add"])

    def test_criterion(self):
        self.cc("-g", "-pthread", os.path.join(HERE, "programs", "crit.c"), "-o", "crit", "-lcriterion")
        o = self.gate(self.path("crit"))
        self.assertEqual(self.named(o), {"global 'total'": ["numbers::add"]})
        self.assertIn("numbers::add", o.out)

    def test_a_name_that_comes_later(self):
        a, b = "00000000000000aa", "00000000000000bb"
        lines = [line("process", 1), line("process", 2), report(a, [], [], 1, test="TAP 1"), report(a, [], [], 2, test="TAP 1"),
                 line("test", 1, test="TAP 1", name="TAP 1 - one"), report(b, [], [], 1, test="TAP 2"), summary(1), summary(2)]
        self.write("a.log", log(*lines))
        self.ok(RAVEL, "merge", "a.log", "-o", "merged.log")
        self.assertEqual(self.gate("--from", "merged.log").summary["findings"], self.gate("--from", "a.log").summary["findings"])
        found = self.gate("--from", "a.log").summary["findings"]
        self.assertEqual({f["fingerprint"]: sorted(f["tests"]) for f in found}, {a: ["TAP 1", "TAP 1 - one"], b: ["TAP 2"]})

    def test_they_are_joined(self):
        lines = [line("process", 1), report("00000000000000aa", [], [], 1, test="one"), summary(1),
                 line("process", 2), report("00000000000000aa", [], [], 2, test="two"), summary(2)]
        self.write("a.log", log(*lines))
        o = self.gate("--from", "a.log")
        self.assertEqual(o.summary["findings"][0]["tests"], ["one", "two"])


if __name__ == "__main__":
    main()
