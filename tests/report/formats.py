"""What every format must say, and what it must not: properties, not whole files."""
import json
import os
import re
import xml.etree.ElementTree as ET

from kit import FORMATS, Case, end, everything, frame, inversion, main, race, side, start, strand, text_of

NASTY = "<script>alert(1)</script>&\"'`|*_[x](y)%:,\r\n::error::\x01\u202e\ufffe]]>--><!--"
STATES = ("00000000000000a1=known:it is benign", "00000000000000f1=suppressed:<third party>", "0000000000000fff=fixed")


class Formats(Case):
    def setUp(self):
        super().setUp()
        self.write("log", everything())
        self.write("nasty", text_of(start(process=NASTY), race(title=NASTY, kind=NASTY, hint=NASTY, sched=NASTY, test=NASTY, process=NASTY, sides=[
            side(1, stack=[frame(NASTY, "/src/" + NASTY, module=NASTY)]), side(2, access=NASTY, stack=[frame(NASTY)])],
            location={"where": "global", "name": NASTY, "member": NASTY, "file": NASTY}), end()))

    def test_same_logs_same_output(self):
        for format in FORMATS:
            self.assertEqual(self.report("log", "-f", format), self.report("log", "-f", format), format)

    def test_every_format_names_every_finding(self):
        for format in ("text", "json", "sarif", "junit", "gitlab", "html", "summary"):
            text = self.report("log", "-f", format)
            for what in (("cart.c", "lock_2") if format == "gitlab" else ("cart.c", "lock_2", "shop+0x47e2")):
                self.assertIn(what, text.replace("&#95;", "_"), format)

    def test_several_outputs_at_once(self):
        self.report("log", "--sarif", "s", "--html", "h", "--junit", "j")
        with open(self.path("s")) as f:
            self.assertIn("runs", json.load(f))
        ET.parse(self.path("j"))
        self.assertEqual(len(json.loads(self.report("log", "-f", "gitlab", "--sarif", "s"))), 6)

    # ---- goroutines

    def test_goroutines_have_numbers_and_names(self):
        def goroutine(id, number, **more):
            o = strand(id, goroutine=number, **more)
            del o["tid"]
            return o
        gone = {"id": 9, "forgotten": True, "running": False, "created": []}
        self.write("go", text_of(start(), race(sides=[side(7), side(9, "read", [frame("total", number=20)])],
                                               strands=[goroutine(7, 70, name="worker", parent=3, parent_goroutine=30), gone,
                                                        goroutine(3, 30, running=False)],
                                               location={"where": "stack", "strand": 7}), end()))
        text = self.report("go", "-f", "text")
        for part in ("by goroutine 70 \"worker\":\n", "by a goroutine that ended long ago:\n",
                     "Goroutine 70 \"worker\" (running) created by goroutine 30 at:\n",
                     "Goroutine 30 (finished) created by main thread at:\n", "stack of goroutine 70 \"worker\""):
            self.assertIn(part, text)
        self.assertNotIn("tid=", text)
        sarif = self.report("go", "-f", "sarif")
        for part in ("\"G70 0\"", "Goroutine 70 \\\"worker\\\" created by goroutine 30", "a goroutine that ended long ago"):
            self.assertIn(part, sarif)
        for format in ("junit", "html"):
            page = self.report("go", "-f", format)
            self.assertIn("a goroutine that ended long ago", page, format)
            self.assertIn("oroutine 70", page, format)
            self.assertNotIn("thread T7", page, format)

    def test_the_seed_that_brings_it_again(self):
        self.write("seeded", text_of(start(), race(sched="seed:77"), end()))
        self.assertIn("\n  Order of goroutines: RAVEL_OPTIONS=sched=seed:77\n", self.report("seeded", "-f", "text"))
        [result] = json.loads(self.report("seeded", "-f", "sarif"))["runs"][0]["results"]
        self.assertEqual(result["properties"]["sched"], "seed:77")
        self.assertIn("RAVEL_OPTIONS=sched=seed:77</p>", self.report("seeded", "-f", "html"))
        for format in FORMATS:
            self.assertNotIn("sched=seed", self.report("log", "-f", format), format)

    # ---- text

    def test_text_is_the_programs_own(self):
        text = self.report("log")
        for part in ("WARNING: Ravel: data race (pid=100)\n", "  Write of size 4 at 0x1000 by thread T1:\n",
                     "    #0 add /src/shop/cart.c:10:5 (shop+0x47e2)\n", "  Previous read of size 4 at 0x1000 by thread T2:\n",
                     "    #1 serve /src/shop/cart.c:30:5", "Thread T2 (tid=502, finished) created by main thread at:\n",
                     "  Cycle in lock order graph: M0 (0x2000) => M1 (0x2001) => M0\n",
                     "  Mutex M1 acquired here while holding mutex M0 in thread T1:\n", "    #0 free <null>\n",
                     "SUMMARY: Ravel: data race /src/shop/cart.c:10:5 in add\n",
                     "6 findings: 6 new, 0 known, 0 fixed, 0 suppressed; 1 process in 1 log\n"):
            self.assertIn(part, text)
        self.assertNotIn("\033", text)
        self.assertNotIn("\033", self.report("nasty"))

    # ---- SARIF

    def sarif(self, *states):
        return json.loads(self.states("log", "sarif", *states))["runs"][0]

    def result(self, run, fingerprint):
        return next(r for r in run["results"] if r["partialFingerprints"]["primaryLocationLineHash"].startswith(fingerprint))

    def test_sarif_race(self):
        self.write("src/shop/cart.c", "")
        run = json.loads(self.report("log", "-f", "sarif", "--source-root", "src", "--path-map", "/src=" + self.path("src"),
                                     "--category", "unit"))["runs"][0]
        self.assertEqual(run["automationDetails"]["id"], "unit/")
        r = self.result(run, "00000000000000a1")
        self.assertEqual(r["level"], "error")
        where = r["locations"][0]["physicalLocation"]
        self.assertEqual(where["artifactLocation"], {"uri": "shop/cart.c", "uriBaseId": "SRCROOT"})
        self.assertEqual(where["region"], {"startLine": 10, "startColumn": 5})
        flows = r["codeFlows"][0]["threadFlows"]
        lines = [[l["location"]["physicalLocation"]["region"]["startLine"] for l in f["locations"]] for f in flows]
        self.assertEqual(lines, [[41, 10], [42, 30, 20]])  # creation, then outermost to innermost
        self.assertEqual([[l["importance"] for l in f["locations"]][-1] for f in flows], ["essential"] * 2)
        related = [(l["message"]["text"], l["physicalLocation"]["region"]["startLine"]) for l in r["relatedLocations"]]
        self.assertIn(("Previous read of size 4 by thread T2", 20), related)
        self.assertIn(("Thread T1 created by main thread", 41), related)
        self.assertEqual(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"], r["ruleId"])

    def test_sarif_other_kinds(self):
        run = self.sarif()
        related = [l["message"]["text"] for l in self.result(run, "00000000000000f1")["relatedLocations"]]
        self.assertIn("Heap block allocated by main thread", related)
        cycle = self.result(run, "00000000000000c3")
        self.assertEqual(len(cycle["codeFlows"][0]["threadFlows"]), 3)
        self.assertIn("Mutex lock_2 created", [l["message"]["text"] for l in cycle["relatedLocations"]])
        for r in run["results"]:  # GitHub refuses a result without
            self.assertGreaterEqual(r["locations"][0]["physicalLocation"]["region"]["startLine"], 1)
        for rule in run["tool"]["driver"]["rules"]:
            self.assertTrue(rule["help"]["text"] and len(rule["shortDescription"]["text"]) <= 1024)

    def test_sarif_states(self):
        run = self.sarif(*STATES)
        states = {f: self.result(run, f)["baselineState"] for f in ("00000000000000a1", "00000000000000f1", "0000000000000fff",
                                                                    "00000000000000c1")}
        self.assertEqual(list(states.values()), ["unchanged", "unchanged", "absent", "new"])
        self.assertEqual(self.result(run, "00000000000000f1")["suppressions"],
                         [{"kind": "external", "justification": "<third party>"}])
        self.assertEqual(self.result(run, "00000000000000a1")["suppressions"], [])
        self.assertEqual(self.result(run, "00000000000000a1")["level"], "note")

    def test_sarif_takes_25000_results(self):
        line = text_of(race("FINGERPRINT", sides=[side(), side()], strands=[], location={}))
        self.write("many", text_of(start()) + "".join(line.replace("FINGERPRINT", "%016x" % i) for i in range(25012)))
        run = json.loads(self.report("many", "-f", "sarif"))["runs"][0]
        self.assertEqual(len(run["results"]), 25000)
        self.assertTrue(any("12 more findings" in n["message"]["text"]
                            for n in run["invocations"][0]["toolExecutionNotifications"]))

    def test_sarif_bounds_locations(self):
        stack = [frame("deep%d" % i, number=i + 1) for i in range(12000)]
        self.write("big", text_of(start(), race(sides=[side(1, stack=stack), side(2, stack=stack)]), inversion(1500), end()))
        run = json.loads(self.report("big", "-f", "sarif"))["runs"][0]
        self.assertEqual(len(run["results"]), 2)
        for r in run["results"]:
            steps = sum(len(f["locations"]) for f in r["codeFlows"][0]["threadFlows"])
            self.assertTrue(1000 < steps <= 10000, steps)
            self.assertLessEqual(len(r["locations"]) + len(r["relatedLocations"]), 1000)
        self.assertGreater(max(len(r["relatedLocations"]) for r in run["results"]), 900)
        deepest = self.result(run, "00000000000000a1")["codeFlows"][0]["threadFlows"][0]["locations"][-1]
        self.assertEqual(deepest["location"]["physicalLocation"]["region"]["startLine"], 1)  # the access itself stays

    def test_sarif_uris(self):
        self.write("odd", text_of(start(), race(sides=[side(stack=[frame(file="/usr/include/a b%#?.h")]), side()])))
        uri = json.loads(self.report("odd", "-f", "sarif"))["runs"][0]["results"][0]["locations"][0]
        self.assertEqual(uri["physicalLocation"]["artifactLocation"], {"uri": "file:///usr/include/a%20b%25%23%3F.h"})

    # ---- JUnit

    def junit(self, *states, log="log"):
        return ET.fromstring(self.states(log, "junit", *states).encode())

    def test_junit(self):
        findings, tests = self.junit(*STATES).findall("testsuite")
        cases = {c.get("name").split()[0]: c for c in findings.findall("testcase")}
        self.assertEqual(len(cases), 8)
        outcome = {k: [e.tag for e in c] for k, c in cases.items()}
        self.assertEqual(outcome["00000000000000a1"], [])
        self.assertEqual(outcome["00000000000000f1"], ["skipped"])
        self.assertEqual(outcome["0000000000000fff"], [])
        self.assertEqual(outcome["00000000000000c1"], ["failure"])
        self.assertEqual(cases["00000000000000c1"].get("classname"), "lock-order-inversion")
        self.assertIn("Cycle in lock order graph", cases["00000000000000c1"][0].text)
        self.assertEqual((findings.get("tests"), findings.get("failures"), findings.get("skipped")), ("8", "4", "1"))
        self.assertEqual([(c.get("name"), len(c)) for c in tests.findall("testcase")], [("cart", 0)])
        self.assertEqual([len(c) for c in self.junit().findall("testsuite")[1].findall("testcase")], [1])

    def test_junit_without_processes_is_red(self):
        self.write("none", "")
        case = self.junit(log="none").find("testsuite/testcase")
        self.assertEqual([e.tag for e in case], ["error"])

    def test_junit_time_is_that_of_a_report(self):
        for time, expected in (("2026-12-31T23:59:58.123Z", "2026-12-31T23:59:58"), ("yesterday", "1970-01-01T00:00:00")):
            self.write("log", text_of(start(), race(time=time), end()))
            self.assertEqual(self.junit().find("testsuite").get("timestamp"), expected)

    # ---- GitHub

    def test_annotations(self):
        lines = self.states("log", "annotations", *STATES).splitlines()
        self.assertEqual(sum(l.startswith("::error ") for l in lines), 4)  # new ones only
        self.assertEqual(sum(l.startswith("::notice ") for l in lines), 1)
        self.write("src/shop/cart.c", "")
        text = self.report("log", "-f", "annotations", "--source-root", "src", "--path-map", "/src=" + self.path("src"))
        self.assertIn("::error file=shop/cart.c,line=10,endLine=10,col=5,title=Ravel%3A data race::data race on global 'sum'", text)

    def test_annotations_are_escaped(self):
        text = self.report("nasty", "-f", "annotations")
        self.assertEqual(len(text.splitlines()), len(text.split("\n")) - 1)
        self.assertEqual(text.count("\n"), 1)
        self.assertEqual(len(re.findall("^::", text, re.M)), 1)
        self.assertIn("%25%3A%2C%0D%0A%3A%3Aerror", text)  # in a property
        self.assertIn("%25:,%0D%0A::error", text)  # in the message

    def test_summary(self):
        text = self.states("log", "summary", *STATES)
        for part in ("4 new findings", "🔴 new", "⚪ known", "🟢 fixed", "⚫ suppressed", "<details><summary>", "Cycle in lock order"):
            self.assertIn(part, text)
        rows = [l for l in self.report("nasty", "-f", "summary").splitlines() if l.startswith("| 🔴")]
        self.assertEqual([len(re.findall(r"(?<!\\)\|", r)) for r in rows], [7])
        self.assertNotIn("<script", self.report("nasty", "-f", "summary"))

    # ---- GitLab

    def test_gitlab(self):
        entries = {e["fingerprint"]: e for e in json.loads(self.states("log", "gitlab", *STATES))}
        self.assertEqual(entries["00000000000000a1"]["severity"], "info")
        self.assertNotIn("00000000000000f1", entries)
        self.assertNotIn("0000000000000fff", entries)
        self.assertEqual(entries["00000000000000c1"]["severity"], "major")
        self.assertEqual(entries["00000000000000c1"]["location"], {"path": "/src/shop/cart.c", "lines": {"begin": 100}})
        for e in entries.values():
            self.assertTrue(e["description"] and e["check_name"] and e["location"]["path"])

    # ---- HTML

    def test_html_escapes(self):
        page = self.report("nasty", "-f", "html")
        self.assertEqual(page.count("<script"), 1)
        self.assertEqual(page.count("</script"), 1)
        self.assertEqual(page.count("</noscript"), 1)
        self.assertNotIn("\u202e", page)
        self.assertNotIn("\x01", page)

    def test_html_loads_nothing(self):
        page = self.report("log", "-f", "html")
        self.assertNotRegex(page, r"https?://")
        self.assertNotRegex(page, r"(?i)@import|url\(|<iframe|<img|\bfetch\(|XMLHttpRequest")
        self.assertIn("default-src 'none'", page)

    def test_html_quotes_sources_below_the_root_only(self):
        text = "".join("line %d of it\n" % i for i in range(1, 60))
        self.write("src/shop/cart.c", text)
        self.write("secret.c", text.replace("it", "a secret"))
        link = self.path("src/link.c")
        os.symlink(self.path("secret.c"), link)
        log = everything() + text_of(race("00000000000000b2", sides=[side(stack=[frame(file=link)]),
                                                                    side(stack=[frame(file=self.path("secret.c"))])]))
        self.write("log2", log)
        page = self.report("log2", "-f", "html", "--source-root", "src", "--path-map", "/src=" + self.path("src"))
        self.assertIn('<mark data-n="10">line 10 of it\n</mark>', page)
        self.assertIn('<s data-n="6">line 6 of it\n</s>', page)
        self.assertNotIn("a secret", page)

    def test_html_shows_the_last_synchronisation(self):
        sides = [side(1, last_sync={"what": "mutex unlock", "lock": 0, "stack": [frame("leave", number=8)]}),
                 side(2, last_sync={"what": "thread start", "strand": 0, "stack": []})]
        self.write("sync", text_of(start(), race(sides=sides, locks=[{"id": 0, "address": "0x2000", "kind": "mutex",
                                                                     "name": "guard", "created": []}]), end()))
        page = self.report("sync", "-f", "html")
        self.assertIn("last sync: mutex unlock", page)
        self.assertIn("Last synchronisation of thread T1 before: mutex unlock guard", page)
        self.assertIn("Last synchronisation of thread T2 before: thread start main thread", page)
        run = json.loads(self.report("sync", "-f", "sarif"))["runs"][0]
        steps = run["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
        self.assertEqual([s["location"]["physicalLocation"]["region"]["startLine"] for s in steps], [41, 8, 10])


if __name__ == "__main__":
    main()
