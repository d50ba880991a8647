"""Baselines, suppressions, and what `git diff` says about a finding: what is new, what is known, what is gone."""
import json
import os
import unittest

from gatekit import GateCase, built, environment, frame, line, log, main, report, summary

A, B, C = "00000000000000aa", "00000000000000bb", "00000000000000cc"


class Baseline(GateCase):
    def two(self, *what, options=()):
        return self.gate("--baseline", "base.json", *options, built("two"), *what)

    def base(self):
        return json.loads(self.read("base.json"))

    def test_a_life(self):
        o = self.expect(self.two("first", "locks", options=["--update-baseline"]), 0, "clean")
        self.assertIn("base.json: 2 added, 0 removed, 0 kept", o.out)
        self.assertEqual(o.summary["known"], 2)
        o = self.expect(self.two("first", "locks"), 0, "clean")
        self.assertEqual((o.summary["known"], o.summary["new"]), (2, 0))
        o = self.expect(self.two("first", "second", "locks"), 1, "new=1")
        self.assertEqual((o.summary["known"], o.summary["new"]), (2, 1))
        self.assertEqual([f["object"] for f in o.summary["findings"] if f["state"] == "new"], ["global 'second'"])
        o = self.expect(self.two("locks"), 0, "clean")
        self.assertEqual((o.summary["known"], o.summary["fixed"]), (1, 1))
        self.assertIn("two.c in add_first", o.rows("fixed")[0])
        self.expect(self.two("locks", options=["--fail-on-fixed"]), 1, "fixed=1")
        o = self.expect(self.two("locks", options=["--fail-on-fixed", "--update-baseline"]), 0, "clean")
        self.assertIn("base.json: 0 added, 1 removed, 1 kept", o.out)
        self.assertEqual([e["kind"] for e in self.base()["findings"]], ["lock-order-inversion"])

    def test_what_people_wrote_stays(self):
        self.two("first", options=["--update-baseline"])
        base = self.base()
        base["comment"] = "ours"
        base["findings"][0].update(reason="only \u00fcber people / statistics", owner="ada", expires="9999-12-31", ticket=[7])
        self.write("base.json", json.dumps(base))
        o = self.two("first", "second", options=["--update-baseline"])
        self.assertEqual(o.code, 0, o)
        after = self.base()
        self.assertEqual(after["comment"], "ours")
        self.assertIn(base["findings"][0], after["findings"])
        self.assertEqual(len(after["findings"]), 2)
        before = self.read("base.json")
        self.two("first", "second", options=["--update-baseline"])
        self.assertEqual(self.read("base.json"), before, "nothing changed, so nothing changes")
        o = self.two("first", "second")
        self.assertIn("only \u00fcber people / statistics", o.out)

    def test_it_is_sorted_and_one_member_a_line(self):
        self.two("second", "locks", "first", options=["--update-baseline"])
        entries = self.base()["findings"]
        self.assertEqual(entries, sorted(entries, key=lambda e: (e["kind"], json.dumps(e["sides"]))))
        self.assertEqual(self.read("base.json").count('"fingerprint": "'), 3)
        for text in self.read("base.json").split("\n"):
            self.assertLessEqual(text.count('": '), 1, text)
        self.assertNotRegex(self.read("base.json"), r'"line"|0x|/tmp')

    def test_an_entry_whose_time_is_over(self):
        self.two("first", options=["--update-baseline"])
        base = self.base()
        base["findings"][0]["expires"] = "2001-01-31"
        self.write("base.json", json.dumps(base))
        o = self.expect(self.two("first"), 1, "new=1")
        self.assertIn("base.json: %s expired on 2001-01-31: it counts as new" % base["findings"][0]["fingerprint"], o.out)
        self.expect(self.two("first", options=["--update-baseline"]), 1, "new=1")
        self.assertEqual(self.base(), base, "a date is for people to change")

    def test_a_run_in_trouble_changes_nothing(self):
        self.two("first", options=["--update-baseline"])
        before = self.read("base.json")
        o = self.gate("--baseline", "base.json", "--update-baseline", "true")
        self.assertEqual((o.code, self.read("base.json")), (2, before))
        self.assertIn("base.json was left as it is", o.out)
        self.assertEqual(o.summary["fixed"], 0)

    def test_lists(self):
        self.two("first", "locks", options=["--update-baseline"])
        self.two("first", "second", options=["--lists", "lists"])
        lists = {name: json.loads(self.read("lists/%s.json" % name)) for name in ("introduced", "fixed", "preexisting")}
        self.assertEqual([x["object"] for x in lists["introduced"]], ["global 'second'"])
        self.assertEqual([x["kind"] for x in lists["fixed"]], ["lock-order-inversion"])
        self.assertEqual([x["object"] for x in lists["preexisting"]], ["global 'first'"])
        self.assertEqual(lists["introduced"][0]["report"]["sides"][0]["stack"][0]["function"], "add_second")

    def test_labels_of_strands_are_passed_on(self):
        strands = [{"id": 1, "tid": 1, "running": True, "created": [], "labels": {"test": "suite/adds"}}]
        self.write("a.log", log(line("process"), report(A, [], [], strands=strands, test="all"), summary()))
        self.gate("--from", "a.log", "--lists", "lists")
        (found,) = json.loads(self.read("lists/introduced.json"))
        self.assertEqual(found["report"]["strands"][0]["labels"], {"test": "suite/adds"})
        self.assertEqual(found["tests"], ["suite/adds"], "a label says more than the process")

    def test_a_link_stays_one(self):
        os.mkdir(self.path("elsewhere"))
        os.symlink("elsewhere/real.json", self.path("base.json"))
        self.write("elsewhere/real.json", '{"ravel-baseline": 1, "findings": []}')
        os.chmod(self.path("elsewhere/real.json"), 0o640)
        self.two("first", options=["--update-baseline"])
        self.assertTrue(os.path.islink(self.path("base.json")))
        self.assertEqual(os.stat(self.path("base.json")).st_mode & 0o777, 0o640)
        self.assertEqual(os.listdir(self.path("elsewhere")), ["real.json"])

    def test_many_machines(self):
        """Logs of two shards, judged together: what neither found is fixed."""
        for n, fingerprint in ((1, A), (2, B)):
            self.write("shard%d/log.%d" % (n, n), log(line("process", n), report(fingerprint, [], [], n), summary(n)))
        self.write("base.json", json.dumps({"ravel-baseline": 1, "findings": [{"fingerprint": A}, {"fingerprint": C}]}))
        o = self.expect(self.gate("--baseline", "base.json", "--from", "shard1", "--from", "shard2"), 1, "new=1")
        self.assertEqual((o.summary["known"], o.summary["fixed"], o.summary["processes"]), (1, 1, 2))


class BadBaseline(GateCase):
    def wrong(self, text, *said):
        self.write("base.json", text)
        told = self.refused_gate("--baseline", "base.json", "--update-baseline", built("two"), "first")
        for s in said:
            self.assertIn(s, told)
        self.assertEqual(self.read("base.json"), text, "nothing is lost")

    def test_bad_files(self):
        head = '{\n  "ravel-baseline": 1,\n  "findings": [\n'
        good = '    {\n      "fingerprint": "%s",\n      "note": "a } [ \\" {"\n    }' % A
        self.wrong("", "base.json:1: the file is empty")
        self.wrong(head + good, "base.json:7: the JSON ends too early")
        self.wrong(head + good + "\n    {", "base.json:8: this is no JSON")
        self.wrong("<<<<<<< HEAD\n" + head, "base.json:1: this is no JSON")
        self.wrong("[]", "base.json:1: this is no baseline of ours")
        self.wrong('{"ravel-baseline": 2, "findings": []}', "base.json:1: this is no baseline of ours")
        self.wrong('{"ravel-baseline": 1}', 'base.json:1: the array "findings" is missing')
        self.wrong(head + good + ",\n    {}\n  ]\n}", 'base.json:8: an entry needs a "fingerprint"')
        self.wrong(head + good + ",\n" + good + "\n  ]\n}", "base.json:8: fingerprint %s is there twice" % A)
        self.wrong(head + good.replace('"note"', '"expires"') + "\n  ]\n}", 'base.json:4: "expires" is no date')
        self.wrong(head + good + "\n  ]\n}\n}", "base.json:10: there is something behind the end")
        self.wrong(head + "7]}", '"findings" holds more than objects')

    def test_files_that_cannot_be_read(self):
        self.assertIn("base.json: no such file; --update-baseline makes it",
                      self.refused_gate("--baseline", "base.json", "true"))
        os.mkdir(self.path("base.json"))
        self.assertIn("base.json: Is a directory", self.refused_gate("--baseline", "base.json", "true"))

    def test_a_place_that_cannot_be_written(self):
        o = self.gate("--baseline", "nosuch/base.json", "--update-baseline", built("two"), "first")
        self.expect(o, 2, "trouble: nosuch/base.json: No such file or directory")


class Changes(GateCase):
    def git(self, *args):
        return self.ok("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args, cwd=self.path("repo"))

    def repository(self, **files):
        os.mkdir(self.path("repo"))
        self.git("init", "-q", "-b", "main")
        for name, text in files.items():
            self.write("repo/" + name.replace("__", "/"), text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "first")

    def judge(self, *stacks, rev="HEAD", option="--new-from-rev", cwd="repo"):
        """Which of the findings, one for each pair of stacks, are new?"""
        lines = [report("%016x" % (i + 1), s, t) for i, (s, t) in enumerate(stacks)]
        self.write("a.log", log(line("process"), *lines, summary()))
        o = self.gate("--from", self.path("a.log"), option, rev, cwd=self.path(cwd))
        return sorted(int(f["fingerprint"], 16) for f in o.summary["findings"] if f["state"] == "new")

    TEN = "".join("line %d\n" % i for i in range(1, 11))

    def test_either_side_and_any_frame(self):
        self.repository(a=self.TEN, b=self.TEN)
        self.write("repo/a", self.TEN.replace("line 5\n", "changed\n"))
        a5, a6 = frame("f", self.path("repo/a"), 5), frame("f", self.path("repo/a"), 6)
        b5 = frame("g", self.path("repo/b"), 5)
        self.assertEqual(self.judge(([a5], [b5]), ([b5], [a5]), ([b5], [b5]), ([a6], [b5]), ([b5, a5], [b5])), [1, 2, 5])

    def test_cycles(self):
        self.repository(a=self.TEN)
        self.write("repo/a", self.TEN.replace("line 5\n", "changed\n"))
        here, there = [frame("f", self.path("repo/a"), 5)], [frame("f", self.path("repo/a"), 1)]
        edges = [{"strand": 1, "from": 0, "to": 1, "from_stack": there, "to_stack": there},
                 {"strand": 1, "from": 1, "to": 0, "from_stack": here, "to_stack": there}]
        self.write("a.log", log(line("process"), dict(report(A, [], []), kind="lock-order-inversion", sides=[], edges=edges),
                                dict(report(B, [], []), kind="lock-order-inversion", sides=[], edges=edges[:1]), summary()))
        o = self.gate("--from", self.path("a.log"), "--new-from-rev", "HEAD", cwd=self.path("repo"))
        self.assertEqual({f["fingerprint"]: f["state"] for f in o.summary["findings"]}, {A: "new", B: "known"})

    def test_a_thread_that_is_new(self):
        """Starting a thread may be all that a change does: where a side's strand was created, and its creator, count."""
        self.repository(a=self.TEN)
        self.write("repo/a", self.TEN.replace("line 5\n", "changed\n"))
        here, there = [frame("main", self.path("repo/a"), 5)], [frame("f", self.path("repo/a"), 1)]
        strand = lambda i, parent, created: {"id": i, "parent": parent, "created": created}  # noqa: E731
        found = [dict(report("%016x" % (i + 1), there, there), strands=s) for i, s in enumerate((
            [strand(1, 0, there), strand(2, 0, there)], [strand(1, 0, there), strand(2, 0, here)],
            [strand(1, 3, there), strand(2, 0, there), strand(3, 0, here)],
            [strand(1, 1, there), strand(2, 0, there), strand(3, 0, here)]))]
        self.write("a.log", log(line("process"), *found, summary()))
        o = self.gate("--from", self.path("a.log"), "--new-from-rev", "HEAD", cwd=self.path("repo"))
        self.assertEqual({int(f["fingerprint"], 16): f["state"] for f in o.summary["findings"]},
                         {1: "known", 2: "new", 3: "new", 4: "known"})

    def test_a_lock_that_is_gone(self):
        """Where lines were only taken out, their neighbours count."""
        self.repository(a=self.TEN)
        self.write("repo/a", self.TEN.replace("line 5\n", ""))
        self.assertEqual(self.judge(*(([frame("f", self.path("repo/a"), n)], []) for n in range(1, 10))), [4, 5])

    def test_new_renamed_and_odd_files(self):
        self.repository(**{"src__old.c": self.TEN, "a b.c": self.TEN, 'q"u\to\u00e4.c': self.TEN, "gone.c": self.TEN})
        self.git("mv", "src/old.c", "src/new.c")
        os.unlink(self.path("repo/gone.c"))
        for name in ("src/new.c", "a b.c", 'q"u\to\u00e4.c'):
            self.write("repo/" + name, self.TEN.replace("line 3\n", "changed\n"))
        self.write("repo/untracked.c", self.TEN)
        at = lambda name, n: ([frame("f", self.path("repo/" + name), n)], [])  # noqa: E731
        self.assertEqual(self.judge(at("src/new.c", 3), at("src/new.c", 4), at("a b.c", 3), at("a b.c", 4),
                                    at('q"u\to\u00e4.c', 3), at('q"u\to\u00e4.c', 4), at("untracked.c", 9),
                                    at("gone.c", 3)), [1, 3, 5, 7])

    def test_paths_that_are_not_below_the_root(self):
        self.repository(src__a=self.TEN)
        self.write("repo/src/a", self.TEN.replace("line 5\n", "changed\n"))
        at = lambda name, n=5: ([frame("f", name, n)], [])  # noqa: E731
        self.assertEqual(self.judge(at("src/a"), at("./src/../src/a"), at("a"), at("/build/here/src/a"), at("/x/esrc/a"),
                                    at("/x/a"), at(self.path("repo/build/../src/a")), at(self.path("repo/src/src/a"))),
                         [1, 2, 3, 4, 7])
        self.assertEqual(self.judge(at(self.path("repo/src/a")), cwd="repo/src"), [1])

    def test_merge_base(self):
        self.repository(a=self.TEN, b=self.TEN)
        self.git("checkout", "-q", "-b", "topic")
        self.write("repo/a", self.TEN.replace("line 5\n", "topic\n"))
        self.git("commit", "-q", "-a", "-m", "topic")
        self.git("checkout", "-q", "main")
        self.write("repo/b", self.TEN.replace("line 5\n", "main\n"))
        self.git("commit", "-q", "-a", "-m", "main")
        self.git("checkout", "-q", "topic")
        stacks = [([frame("f", self.path("repo/" + name), 5)], []) for name in ("a", "b")]
        self.assertEqual(self.judge(*stacks, rev="main", option="--new-from-merge-base"), [1])
        self.assertEqual(self.judge(*stacks, rev="main"), [1, 2], "and against main itself, both differ")

    def test_the_users_configuration_does_not_matter(self):
        self.repository(a=self.TEN)
        for key, value in (("diff.noprefix", "true"), ("color.ui", "always"), ("diff.external", "false"),
                           ("diff.mnemonicPrefix", "true"), ("core.quotePath", "false"), ("diff.context", "9")):
            self.git("config", key, value)
        self.write("repo/a", self.TEN.replace("line 5\n", "changed\n"))
        self.assertEqual(self.judge(*(([frame("f", self.path("repo/a"), n)], []) for n in (4, 5, 6))), [2])

    def test_a_baseline_too(self):
        self.repository(a=self.TEN)
        self.write("repo/a", self.TEN.replace("line 5\n", "changed\n"))
        self.write("base.json", json.dumps({"ravel-baseline": 1, "findings": [
            {"fingerprint": "%016x" % 1}, {"fingerprint": "%016x" % 3, "expires": "2001-01-01"}]}))
        stacks = [([frame("f", self.path("repo/a"), n)], []) for n in (5, 5, 1, 1)]
        self.write("a.log", log(line("process"), *(report("%016x" % (i + 1), s, t) for i, (s, t) in enumerate(stacks)), summary()))
        o = self.gate("--from", self.path("a.log"), "--new-from-rev", "HEAD", "--baseline", self.path("base.json"),
                      cwd=self.path("repo"))
        self.assertEqual({int(f["fingerprint"], 16): f["state"] for f in o.summary["findings"]},
                         {1: "known", 2: "new", 3: "new", 4: "known"})
        self.assertIn("on no line that changed since HEAD", o.out)

    def test_bad_revisions(self):
        self.assertIn("--new-from-rev HEAD: fatal: not a git repository", self.refused_gate("--new-from-rev", "HEAD", "true"))
        self.repository(a=self.TEN)
        for option, rev, said in (("--new-from-rev", "nosuch", "nosuch: fatal: bad revision 'nosuch'"),
                                  ("--new-from-merge-base", "nosuch", "nosuch: fatal: Not a valid object name nosuch"),
                                  ("--new-from-rev", "--help", "'--help' is no revision")):
            o = self.gate(option, rev, "true", cwd=self.path("repo"))
            self.assertEqual((o.code, o.out), (2, ""))
            self.assertIn(said, o.err)


class Suppressions(GateCase):
    def two(self, rules, *options):
        self.write("rules", rules)
        return self.gate("--suppressions", "rules", *options, built("two"), "first", "second", "locks")

    def test_hits_reasons_and_unused(self):
        o = self.expect(self.two("# reason: nobody reads it\nrace:^add_first$\nrace:add_third\nmutex:x\n"), 1, "new=2")
        self.assertEqual(o.summary["suppressed"], 2)
        self.assertEqual([(s["pattern"], s["line"], s["hits"]) for s in o.summary["suppressions"]],
                         [("race:^add_first$", 2, 2), ("race:add_third", 3, 0)])
        self.assertIn("race:^add_first$", o.rows("suppressed")[0])
        self.assertIn("nobody reads it", o.out)
        self.assertIn(":3: race:add_third matched nothing", o.out)

    def test_all_of_them(self):
        self.expect(self.two("race:add_first\nrace:^second$\ndeadlock:two.c\n", "--fail-on-unused-suppressions"), 0, "clean")

    def test_unused_ones_can_fail(self):
        rules = "race:add_\ndeadlock:take\nrace:add_third\n"
        self.expect(self.two(rules), 0, "clean")
        self.expect(self.two(rules, "--fail-on-unused-suppressions"), 1, "unused-suppressions=1")

    def test_hits_are_summed_over_processes(self):
        self.write("rules", "race:add_first\nrace:add_second\n")
        o = self.gate("--suppressions", "rules", "--fail-on-unused-suppressions", "sh", "-c",
                      '"$0" first; "$0" second; "$0" second', built("two"))
        self.expect(o, 0, "clean")
        self.assertEqual([s["hits"] for s in o.summary["suppressions"]], [2, 4])

    def test_one_that_has_expired(self):
        o = self.expect(self.two("# expires: 2001-01-31\nrace:add_\ndeadlock:take\n", "--fail-on-unused-suppressions"), 1,
                        "new=2")
        self.assertIn("rules:2: race:add_ has expired and suppresses nothing", o.out)
        self.assertEqual(o.summary["expired"], 1)

    def test_module_and_offset(self):
        """The offset that a report prints, in a file of suppressions, without symbols."""
        self.gate("--lists", "lists", built("two"), "first")
        (found,) = json.loads(self.read("lists/introduced.json"))
        offsets = [side["stack"][0]["offset"] for side in found["report"]["sides"]]
        self.write("rules", "race:two+%s\nrace:^two+%s\nrace:two+%s\n" % (offsets[0][:-1], *offsets))
        for env in (environment(TMPDIR=self.dir), environment(TMPDIR=self.dir, RAVEL_OPTIONS="symbolize=0")):
            o = self.expect(self.gate("--suppressions", "rules", built("two"), "first", env=env), 0, "clean")
            self.assertEqual(o.summary["suppressed"], 2)
            self.assertEqual(o.summary["suppressions"][0]["hits"], 0, "an offset is no prefix of an offset")

    def test_bad_files(self):
        for text, said in (("race:ok\nrice:x\n", "rules:2: 'rice:x' is no suppression"),
                           ("deadlock:pthread_mutex_lock\n", "rules:1: 'deadlock:pthread_mutex_lock' names a lock primitive"),
                           ("deadlock:^pthread_rwlock_rdlock$\n", "names a lock primitive"),
                           ("race:*pthread_mutex*\n", "names a lock primitive"),
                           ("# expires: soon\nrace:x\n", "rules:1: '# expires: soon' gives no date")):
            self.write("rules", text)
            self.assertIn(said, self.refused_gate("--suppressions", "rules", "true"))
        self.assertIn("--suppressions nosuch: No such file", self.refused_gate("--suppressions", "nosuch", "true"))

    def test_bad_files_that_only_a_process_sees(self):
        self.write("rules", "rice:x\n")
        o = self.gate(built("two"), RAVEL_OPTIONS="suppressions='%s'" % self.path("rules"))
        self.assertEqual(o.code, 2)
        self.assertIn("rules:1: 'rice:x' is no suppression", o.err)


if __name__ == "__main__":
    main()
