"""`ravel merge`: one log of many, in which every process counts once."""
import json
import os

from kit import RAVEL, Case, end, main, race, start, text_of


class Merge(Case):
    def merge(self, *args):
        p = self.run_it(RAVEL, "merge", *args)
        self.assertEqual(p.returncode, 0, p.stderr)
        return p

    def hits(self, log):
        return [(f["fingerprint"][-2:], f["hits"], f["processes"]) for f in self.json(log)["findings"]]

    def test_machines_with_the_same_pids(self):
        self.write("a/log", text_of(start(7), race(pid=7), end(7, [("00000000000000a1", 3, 1)])))
        self.write("b/log", text_of(start(7, test="other"), race(pid=7), end(7, [("00000000000000a1", 4, 1)])))
        self.merge("a", "b", "-o", "all")
        self.assertEqual(self.hits("all"), [("a1", 7, 2)])

    def test_a_log_that_is_given_twice(self):
        text = text_of(start(7), race(pid=7), start(8), race(pid=8), end(7, [("00000000000000a1", 3, 1)]), end(8))
        self.write("a", text)
        self.write("copy/of/a", text)
        p = self.merge("a", "copy", "a", "-o", "all")
        self.assertIn(b"left out", p.stderr)
        self.assertEqual(self.json("all")["totals"]["processes"], 2)
        self.assertEqual(self.hits("all"), self.hits("a"))

    def test_a_cut_log_does_not_swallow_the_next(self):
        self.write("a", text_of(start(7), race(pid=7))[:-50])
        self.write("b", text_of(start(8), race(pid=8), end(8)))
        self.merge("a", "b", "-o", "all")
        totals = self.json("all")["totals"]
        self.assertEqual((totals["processes"], totals["unfinished"], totals["damaged_lines"]), (2, 1, 1))

    def test_a_line_cut_behind_a_brace(self):  # must not pass for a whole one because it got a newline
        whole = text_of(race(pid=7))
        self.write("a", text_of(start(7)) + whole + whole[:whole.rindex("}],") + 1])
        self.merge("a", "-o", "all")
        for log in ("a", "all"):
            self.assertEqual((self.hits(log), self.json(log)["totals"]["damaged_lines"]), ([("a1", 1, 1)], 1))

    def test_damage_stays_damage(self):
        self.write("a", text_of(start(7)).encode() + b"x" * (33 << 20) + b"\n\0\0\n" + text_of(end(7)).encode())
        self.merge("a", "-o", "all")
        self.assertEqual(self.json("all")["totals"]["damaged_lines"], 2)
        self.assertEqual(self.json("a")["totals"]["damaged_lines"], 2)

    def test_the_output_lies_among_the_inputs(self):
        self.write("logs/a", text_of(start(7), race(pid=7), end(7)))
        self.merge("logs", "-o", "logs/all")
        once = self.json("logs/all")
        self.merge("logs", "-o", "logs/all")
        self.assertEqual(self.json("logs/all"), once)
        self.assertEqual(sorted(os.listdir(self.path("logs"))), ["a", "all"])

    def test_stdout(self):
        self.write("a", text_of(start(7), race(pid=7), end(7)))
        lines = self.merge("a", "-o", "-").stdout.splitlines()
        self.assertEqual([json.loads(l)["type"] for l in lines], ["process", "report", "summary"])

    def test_merging_what_was_merged(self):
        self.write("a", text_of(start(7), race(pid=7), end(7)))
        self.write("b", text_of(start(9), race("00000000000000a2", pid=9), end(9)))
        self.merge("a", "b", "-o", "ab")
        self.merge("ab", "b", "a", "-o", "abba")
        self.assertEqual(self.hits("abba"), self.hits("ab"))

    def test_only_a_file_is_replaced(self):
        self.write("a", text_of(start(7), race(pid=7), end(7)))
        self.merge("a", "-o", "/dev/null")
        self.assertFalse(os.path.isfile("/dev/null"))
        self.write("old", "old")
        os.symlink("old", self.path("link"))
        self.merge("a", "-o", "link")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(self.hits("old"), [("a1", 1, 1)])

    def test_refusals(self):
        self.write("a", text_of(start(7)))
        self.assertIn("which logs", self.refused(RAVEL, "merge", "-o", "x"))
        self.assertIn("-o", self.refused(RAVEL, "merge", "a"))
        self.assertIn("nowhere", self.refused(RAVEL, "merge", "nowhere", "-o", "x"))
        self.assertIn("both", self.refused(RAVEL, "merge", "a", "-o", "a"))
        self.assertIn("cannot write", self.refused(RAVEL, "merge", "a", "-o", "/dev/full"))
        self.assertIn("no/such", self.refused(RAVEL, "merge", "a", "-o", "no/such/file"))
        self.assertEqual(sorted(os.listdir(self.dir)), ["a"])


if __name__ == "__main__":
    main()
