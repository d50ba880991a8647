"""Reading logs: merging by fingerprint, damage of every kind, and memory that does not go with the size of the log."""
import json
import os

from kit import FORMATS, RAVEL, Case, bare, end, everything, inversion, main, race, side, start, text_of, use_after_free


class Merging(Case):
    def findings(self, *lines):
        self.write("log", text_of(*lines))
        return self.json("log")

    def test_hits_come_from_the_summary(self):
        d = self.findings(start(), race(), end(bugs=[("00000000000000a1", 7, 3)]))
        self.assertEqual([(f["hits"], f["paths"], f["processes"]) for f in d["findings"]], [(7, 3, 1)])
        self.assertEqual((d["totals"]["processes"], d["totals"]["unfinished"]), (1, 0))

    def test_without_a_summary_a_report_is_a_hit(self):
        d = self.findings(start(), race(), race(), start(200), race(pid=200), end(200, [("00000000000000a1", 5, 1)]))
        self.assertEqual([(f["hits"], f["processes"]) for f in d["findings"]], [(2 + 5, 2)])
        self.assertEqual((d["totals"]["processes"], d["totals"]["unfinished"]), (2, 1))

    def test_a_pid_that_begins_again(self):  # exec, or another machine
        d = self.findings(start(), race(), start(), race(), end(bugs=[("00000000000000a1", 4, 1)]))
        self.assertEqual([(f["hits"], f["processes"]) for f in d["findings"]], [(5, 2)])
        self.assertEqual(d["totals"]["unfinished"], 1)

    def test_processes_that_write_in_turns(self):
        d = self.findings(start(1), start(2), race(pid=1), race("00000000000000a2", pid=2), race(pid=2),
                          end(2, [("00000000000000a2", 9, 1), ("00000000000000a1", 2, 1)]), end(1, [("00000000000000a1", 3, 1)]))
        self.assertEqual({f["fingerprint"]: f["hits"] for f in d["findings"]},
                         {"00000000000000a1": 5, "00000000000000a2": 9})

    def test_a_finding_whose_report_was_lost(self):
        d = self.findings(start(), end(bugs=[("00000000000000a1", 2, 1)]))
        self.assertEqual([(f["kind"], f["hits"]) for f in d["findings"]], [("unknown", 2)])
        self.assertNotIn("report", d["findings"][0])

    def test_directories_and_order(self):
        self.write("logs/b/2", text_of(start(2), race(pid=2), end(2)))
        self.write("logs/a/1", text_of(start(1), use_after_free(pid=1), end(1)))
        self.write("logs/3", text_of(start(3), race(pid=3), end(3)))
        first = self.report("logs", "-f", "json")
        self.assertEqual(first, self.report("logs", "-f", "json"))
        d = json.loads(first)
        self.assertEqual((d["totals"]["logs"], d["totals"]["processes"], len(d["findings"])), (3, 3, 2))
        self.assertEqual([f["places"][0]["line"] for f in d["findings"]], [10, 30])

    def test_tests_and_programs(self):
        d = self.findings(start(1, test="a"), race(pid=1, test="a"), start(2), race(pid=2, test="b"), race(pid=2, test="b"))
        self.assertEqual(d["findings"][0]["tests"], [{"name": "a", "count": 1}, {"name": "b", "count": 1}])
        self.assertEqual(d["findings"][0]["programs"], [{"name": "shop", "count": 2}])

    def test_runs(self):
        self.write("one", text_of(start(1), race(pid=1), end(1), start(2), race(pid=2), end(2)))
        self.write("two", text_of(start(1), race(pid=1), use_after_free(pid=1), end(1)))
        d = json.loads(self.states("one,two,one", "json"))
        self.assertEqual(d["totals"]["runs"], 3)
        self.assertEqual({f["fingerprint"][-2:]: f["runs"] for f in d["findings"]}, {"a1": 3, "f1": 1})
        self.assertEqual(self.json("one", "two")["findings"][0]["runs"], 1)

    def test_places(self):
        d = self.findings(start(), inversion(3), race("00000000000000b1", sides=[side(stack=[bare()]), side(stack=[])]))
        cycle, plain = d["findings"]
        self.assertEqual([p["line"] for p in cycle["places"]], [100, 101])
        self.assertEqual(cycle["object"], "lock_0 => lock_1 => lock_2 => lock_0")
        self.assertEqual(plain["places"], [{"function": "shop+0x47e2"}])


class Damage(Case):
    """Everything that is not damaged must still be found, and the damage be counted."""

    def damaged(self, *lines, lost=1, findings=1):
        self.write("log", b"".join(l if isinstance(l, bytes) else text_of(l).encode() for l in lines))
        d = self.json("log")
        self.assertEqual((d["totals"]["damaged_lines"], len(d["findings"])), (lost, findings))
        return d

    def test_cut_last_line(self):
        whole = text_of(race()).encode()
        for at in (1, 2, 20, len(whole) // 2, len(whole) - 3):
            self.damaged(start(), race("00000000000000a2"), whole[:at])

    def test_a_last_line_without_its_newline(self):
        self.damaged(start(), text_of(race()).encode()[:-1], lost=0)

    def test_a_line_that_continues_a_cut_one(self):
        cut = text_of(race("00000000000000a2")).encode()[:200]
        self.damaged(start(), cut + text_of(race()).encode(), end())
        self.damaged(start(), cut + cut + text_of(race()).encode(), end(), lost=2)
        self.damaged(start(), text_of(race()).encode()[:-1] + text_of(race("00000000000000a2")).encode(), lost=0, findings=2)

    def test_garbage(self):
        for garbage in (b"hello\n", b"\xff\xfe\x00\x01\n", b"\0" * 5000, b"{}\n", b"[1]\n", b"null\n", b"{" * 100000 + b"\n",
                        b"[" * 100000 + b"\n", b'{"type":' * 50000 + b"\n", b'{"a":' * 50000 + b"1" + b"}" * 50000 + b"\n"):
            self.write("log", text_of(start()).encode() + garbage + b"\n" + text_of(race()).encode())
            d = self.json("log")
            self.assertEqual(len(d["findings"]), 1, garbage[:20])
            self.assertGreaterEqual(d["totals"]["damaged_lines"], 1)

    def test_a_line_beyond_all_bounds(self):
        self.damaged(start(), b'{"type":"report","v":1,"x":"' + b"x" * (40 << 20) + b'"}\n', race())

    def test_missing_and_wrong_members(self):
        whole = race()
        for name in list(whole) + [None]:
            for value in (None, 1, "x", [], {}, [1], [[]], [{}], -1, 1e300, True, 2 ** 63):
                bad = json.loads(json.dumps(whole))
                if name:
                    bad[name] = value
                for side_name in (("strand", "stack", "locks", "size") if name == "sides" else ()):
                    bad = json.loads(json.dumps(whole))
                    bad["sides"][0][side_name] = value
                self.write("log", text_of(start(), bad, race("00000000000000a2")))
                for format in FORMATS if name in ("sides", "strands", "location") else ("json",):
                    self.report("log", "-f", format)
                self.assertIn("00000000000000a2", self.report("log", "-f", "json"))

    def test_another_version(self):
        self.write("log", text_of(start(), race(v=2), race("00000000000000a2")))
        d = self.json("log")
        self.assertEqual((d["totals"]["foreign_lines"], len(d["findings"])), (1, 1))

    def test_types_to_come_are_passed_over(self):
        self.damaged(start(), {"type": "weather", "v": 1}, race(), lost=0)

    def test_bytes_that_are_not_utf8(self):
        self.damaged(start(), text_of(race(title="caf\\u00e9")).encode().replace(b"guard", b"gu\xe9rd"), lost=0)

    def test_numbers_that_overflow(self):
        most = 2 ** 64 - 1
        self.write("log", text_of(start(), race(), end(bugs=[("00000000000000a1", most, most)]), start(),
                                  race(), end(bugs=[("00000000000000a1", most, most)])))
        self.assertEqual(self.json("log")["findings"][0]["hits"], most)


class Refusals(Case):
    def test_command_line(self):
        self.write("log", everything())
        self.assertIn("which logs", self.refused(RAVEL, "report"))
        self.assertIn("nowhere", self.refused(RAVEL, "report", "nowhere"))
        line = self.refused(RAVEL, "report", "log", "-f", "pdf")
        self.assertIn("pdf", line)
        self.assertIn("sarif", line)
        self.assertIn("--frobnicate", self.refused(RAVEL, "report", "log", "--frobnicate"))
        self.assertIn("-f", self.refused(RAVEL, "report", "log", "-f"))
        self.assertIn("no/such/place", self.refused(RAVEL, "report", "log", "-o", "no/such/place"))
        self.assertIn("OLD=NEW", self.refused(RAVEL, "report", "log", "--path-map", "x"))
        self.assertIn("gone", self.refused(RAVEL, "report", "log", "--source-root", "gone"))

    def test_what_is_no_log(self):
        self.write("notes", "WARNING: Ravel: data race (pid=1)\n")
        self.assertIn("report_format=json", self.refused(RAVEL, "report", "notes"))
        os.mkfifo(self.path("pipe"))
        self.assertIn("regular file", self.refused(RAVEL, "report", "pipe"))
        self.assertIn("/dev/null", self.refused(RAVEL, "report", "/dev/null"))

    def test_a_full_disk(self):
        self.write("log", everything())
        self.assertIn("cannot write", self.refused(RAVEL, "report", "log", "-o", "/dev/full"))

    def test_nothing_found_and_nothing_checked(self):
        self.write("log", text_of(start(), end()))
        self.assertIn("0 findings", self.report("log"))
        self.write("none", "")
        self.assertIn("No process reported in", self.report("none"))


class Sizes(Case):
    def bounded(self, mib, *args):
        """Runs it with so much address space, libraries included; it must succeed."""
        p = self.run_it("sh", "-c", 'ulimit -v %d; exec "$@" >/dev/null' % (mib << 10), "sh", *args)
        self.assertEqual(p.returncode, 0, args)

    def log(self, name, processes, reports, findings):
        text = text_of(race("FINGERPRINT", pid=123456789, test="TEST"))
        with open(self.path(name), "w") as f:
            number = 0
            for pid in range(processes):
                f.write(text_of(start(pid)))
                for _ in range(reports):
                    f.write(text.replace("FINGERPRINT", "%016x" % (number % findings)).replace("123456789", str(pid))
                            .replace("TEST", "test_%d" % (number % 100)))
                    number += 1
                f.write(text_of(end(pid)))

    def test_a_log_of_100_mb(self):
        self.log("large", 750, 100, 100)
        self.assertGreater(os.path.getsize(self.path("large")), 100 << 20)
        self.bounded(16, RAVEL, "report", "large", "-f", "sarif")
        self.bounded(16, RAVEL, "merge", "large", "-o", "merged")

    def test_killed_processes_do_not_add_up(self):
        text = text_of(*(race("%016x" % i, pid=123456789) for i in range(100)))
        with open(self.path("killed"), "w") as f:
            for pid in range(1000):
                f.write(text_of(start(pid)) + text.replace("123456789", str(pid)))
        self.bounded(24, RAVEL, "report", "killed", "-f", "json", "-o", "out")
        with open(self.path("out")) as f:
            d = json.load(f)
        self.assertEqual((d["totals"]["unfinished"], {f["hits"] for f in d["findings"]}), (1000, {1000}))

    def test_10000_findings_in_every_format(self):
        self.log("many", 10, 1000, 10000)
        for format in FORMATS:
            self.bounded(48, RAVEL, "report", "many", "-f", format, "-o", "out." + format)
        self.assertLessEqual(os.path.getsize(self.path("out.summary")), 1 << 20)
        with open(self.path("out.annotations")) as f:
            self.assertEqual(sum(l.startswith("::error") for l in f), 10)
        with open(self.path("out.sarif")) as f:
            self.assertEqual(len(json.load(f)["runs"][0]["results"]), 10000)


if __name__ == "__main__":
    main()
