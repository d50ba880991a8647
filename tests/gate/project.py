"""The story of a small project with CMake, Criterion and git, from its maintainer's chair: clean; a race on a branch turns
the gate red, on the right lines; accepted into the baseline; mended, and reported as fixed."""
import json
import os
import shutil
import unittest

from gatekit import HERE, RAVEL, GateCase, environment, main

NOTES = "    a->visits++;\n    a->last = amount;\n"
LOCK, UNLOCK = "    pthread_mutex_lock(&a->lock);\n", "    pthread_mutex_unlock(&a->lock);\n"


class Project(GateCase):
    def setUp(self):
        super().setUp()
        shutil.copytree(os.path.join(HERE, "project"), self.path("bank"))
        self.git("init", "-q", "-b", "main")
        self.commit("a bank")
        self.in_bank("cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Debug", CC=RAVEL + "-cc", CXX=RAVEL + "-c++")

    def in_bank(self, *args, **env):
        return self.ok(*args, cwd=self.path("bank"), env=environment(**env))

    def git(self, *args):
        return self.in_bank("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args)

    def commit(self, message):
        self.write("bank/.gitignore", "/build/\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def gate_bank(self, *options):
        self.in_bank("cmake", "--build", "build")
        return self.gate(*options, "ctest", "--test-dir", "build", cwd=self.path("bank"))

    def edit(self, old, new):
        text = self.read("bank/src/bank.c")
        self.assertIn(old, text)
        self.write("bank/src/bank.c", text.replace(old, new))

    def test_the_story(self):
        o = self.expect(self.gate_bank(), 0, "clean")
        self.assertGreaterEqual(o.summary["processes"], 2, "Criterion runs each test in a process of its own")

        # A branch makes paying in faster. What it races on, no test looks at: they pass whatever the schedule.
        self.git("checkout", "-q", "-b", "faster")
        paying = LOCK + "    a->balance += amount;\n" + NOTES + UNLOCK
        faster = LOCK + "    a->balance += amount;\n" + UNLOCK + NOTES.replace("visits++", "visits += 1").replace("amount;", "amount; // fast")
        self.edit(paying, faster)
        self.commit("bank: a shorter lock")
        o = self.expect(self.gate_bank("--new-from-merge-base", "main"), 1, "new=2")
        lines = self.read("bank/src/bank.c").split("\n")
        for finding in o.summary["findings"]:
            for place in finding["places"]:
                self.assertEqual((place["file"], place["function"]), ("src/bank.c", "account_pay_in"))
                self.assertRegex(lines[place["line"] - 1], "visits \\+= 1|last =")
            self.assertEqual(finding["tests"], ["bank::two_pay_in"])
        self.assertIn("src/bank.c:", o.rows("new")[0])
        self.assertIn("100% tests passed", o.out, "the tests themselves saw nothing")

        # It goes in all the same, as a debt.
        o = self.expect(self.gate_bank("--baseline", "races.json", "--update-baseline"), 0, "clean")
        base = json.loads(self.read("bank/races.json"))
        for entry in base["findings"]:
            entry.update(reason="statistics", owner="ada")
        self.write("bank/races.json", json.dumps(base))
        self.commit("races: two are known")
        o = self.expect(self.gate_bank("--baseline", "races.json"), 0, "clean")
        self.assertEqual(o.summary["known"], 2)

        # An edit elsewhere changes nothing.
        self.edit("void account_init(", "// Not for use by several threads.\nvoid account_init(")
        self.expect(self.gate_bank("--baseline", "races.json"), 0, "clean")

        # Somebody pays the debt.
        self.edit(faster, paying)
        o = self.expect(self.gate_bank("--baseline", "races.json"), 0, "clean")
        self.assertEqual((o.summary["known"], o.summary["fixed"]), (0, 2))
        self.assertEqual(len(o.rows("fixed")), 2)
        self.expect(self.gate_bank("--baseline", "races.json", "--fail-on-fixed"), 1, "fixed=2")
        self.expect(self.gate_bank("--baseline", "races.json", "--update-baseline"), 0, "clean")
        self.assertEqual(json.loads(self.read("bank/races.json"))["findings"], [])

    def test_untouched_races_are_known_to_a_change(self):
        """The race is on main already: a branch that touches other lines is not held up."""
        self.edit(NOTES + UNLOCK, UNLOCK + NOTES)
        self.commit("bank: a race")
        self.git("checkout", "-q", "-b", "topic")
        self.edit("a->last = 0;", "a->last = 0; // nothing yet")
        o = self.expect(self.gate_bank("--new-from-merge-base", "main"), 0, "clean")
        self.assertEqual(o.summary["known"], 2)


if __name__ == "__main__":
    main()
