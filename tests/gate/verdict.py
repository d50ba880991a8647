"""The verdict of `ravel gate`: every exit code, every way for a process to end, signals, and what a retry must not hide."""
import json
import os
import signal
import subprocess
import unittest

from gatekit import GateCase, RAVEL, built, environment, line, log, main, report, summary


class Codes(GateCase):
    def test_clean(self):
        o = self.expect(self.gate(built("ways"), "clean"), 0, "clean")
        self.assertEqual((o.summary["processes"], o.summary["command"]), (1, 0))

    def test_the_commands_own_code(self):
        self.expect(self.gate("--", built("ways"), "clean", "7"), 7, "command=7")
        self.expect(self.gate("sh", "-c", '"$0" clean; kill -SEGV $$', built("ways")), 139, "command=139")

    def test_a_race_fails_a_command_that_passes(self):
        o = self.expect(self.gate(built("ways"), "race"), 1, "new=1")
        (finding,) = o.summary["findings"]
        self.assertEqual((finding["state"], finding["kind"], finding["object"]), ("new", "data-race", "global 'total'"))
        self.assertEqual([p["line"] for p in finding["places"]], [race_line()] * 2)
        self.assertEqual(finding["programs"], ["ways"])
        self.assertEqual(len(o.rows("new")), 1, o)
        self.assertIn("ways.c:%d in add" % race_line(), o.rows("new")[0])

    def test_findings_come_before_the_commands_code(self):
        o = self.expect(self.gate(built("ways"), "race", "5"), 1, "new=1")
        self.assertEqual(o.summary["command"], 5)
        self.assertIn("the command ended with exit code 5", o.out)

    def test_max_new(self):
        o = self.expect(self.gate("--max-new", "1", built("ways"), "race"), 0, "clean")
        self.assertEqual(o.summary["new"], 1)
        self.assertIn("1 new, which --max-new 1 allows", o.out)
        self.expect(self.gate("--max-new", "1", built("ways"), "race", "5"), 5, "command=5")

    def test_options_of_the_command_are_its_own(self):
        p = self.gate("sh", "-c", 'echo "$1 $2"; "$0" clean', built("ways"), "--baseline", "-x")
        self.assertIn("--baseline -x\n", p.out)

    def test_no_colour_and_no_cursor_in_a_pipe(self):
        self.assertNotIn("\033", self.gate(built("ways"), "race").out)


def race_line():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "ways.c")) as f:
        return next(i for i, text in enumerate(f, 1) if text.endswith("// race\n"))


class Processes(GateCase):
    def one_race(self, *command, code=1, last="new=1", processes=None, unfinished=0):
        o = self.expect(self.gate(*command), code, last)
        self.assertEqual(len(o.summary["findings"]), 1, o)
        self.assertEqual(o.summary["unfinished"], unfinished, o)
        if processes:
            self.assertEqual(o.summary["processes"], processes, o)
        return o

    def test_exit(self):
        self.one_race(built("ways"), "exit", "3", processes=1)

    def test_exit_without_handlers(self):
        self.one_race(built("ways"), "_exit", "3", processes=1)

    def test_crash(self):
        o = self.one_race(built("ways"), "crash", unfinished=1)
        self.assertEqual(o.summary["command"], 128 + signal.SIGABRT)
        self.assertIn("1 of 1 processes did not end by themselves", o.out)

    def test_kill(self):
        o = self.one_race(built("ways"), "kill", unfinished=1)
        self.assertEqual(o.summary["command"], 128 + signal.SIGKILL)

    def test_exec_after_the_race(self):
        o = self.one_race(built("ways"), "exec", processes=2, unfinished=1)
        self.assertEqual(o.summary["command"], 7)

    def test_exec_before_the_race(self):
        self.one_race(built("ways"), "exec-race", processes=2, unfinished=1)

    def test_fork(self):
        self.one_race(built("ways"), "fork", processes=2)

    def test_many_programs_are_merged(self):
        o = self.one_race("sh", "-c", '"$0" race & "$0" race & "$0" race; wait', built("ways"), processes=3)
        (finding,) = o.summary["findings"]
        self.assertEqual((finding["processes"], finding["hits"]), (3, 6))

    def test_a_retry_that_passes_erases_nothing(self):
        """The first try races and fails, the second passes: the command is happy, the gate is not."""
        o = self.one_race("sh", "-c", '"$0" race 1 || "$0" clean', built("ways"), processes=2)
        self.assertEqual(o.summary["command"], 0)

    def test_the_environment_of_the_user_stays(self):
        """Their options count, except where the gate needs its own."""
        o = self.expect(self.gate(built("ways"), "race", RAVEL_OPTIONS="exitcode=9:report_format=text:log_path=stdout:stats=1"),
                        1, "new=1")
        self.assertEqual(o.summary["command"], 0)
        o = self.expect(self.gate(built("ways"), "race", RAVEL_OPTIONS="report_bugs=0"), 0, "clean")

    def test_odd_places_for_logs(self):
        for name in ("a b", "c:d,e", "it's", 'say "x"'):
            os.mkdir(self.path(name))
            self.expect(self.gate(built("ways"), "race", env=environment(TMPDIR=self.path(name))), 1, "new=1")


class Explained(GateCase):
    """A process that Ravel itself ended, here by a log that is written by hand."""

    def story(self, ended, code):
        self.write("story.sh", '''d=$(echo "$RAVEL_OPTIONS" | sed 's/.*log_path="//; s/".*//')
cat "$1" > "$d.$$"
exit %d
''' % code)
        known = report("00000000000000aa", [], [])
        self.write("lines", log(line("process"), known, summary(ended=ended) if ended is not None else summary()))
        self.write("base.json", '{"ravel-baseline": 1, "findings": [{"fingerprint": "00000000000000aa"}]}')
        return self.gate("--baseline", "base.json", "sh", "story.sh", self.path("lines"))

    def test_a_code_that_the_log_explains_counts_as_0(self):
        o = self.expect(self.story(66, 66), 0, "clean")
        self.assertIn("exit code 66 is Ravel's own, for a finding: it counts as 0", o.out)

    def test_the_runtime_says_so(self):
        """What halt_on_error ends has its code in the summary: 0 under the gate, 66 elsewhere."""
        self.gate("--keep-logs", "logs", built("ways"), "race", RAVEL_OPTIONS="halt_on_error=1")
        (name,) = os.listdir(self.path("logs"))
        self.assertEqual(json.loads(self.read("logs/" + name).rstrip().split("\n")[-1])["ended"], 0)
        p = self.run_it(built("ways"), "race", env=environment(RAVEL_OPTIONS="halt_on_error=1:report_format=json"))
        self.assertEqual((p.returncode, json.loads(p.stderr.rstrip().split("\n")[-1])["ended"]), (66, 66))
        self.gate("--keep-logs", "logs2", built("ways"), "race")
        (name,) = os.listdir(self.path("logs2"))
        self.assertNotIn("ended", json.loads(self.read("logs2/" + name).rstrip().split("\n")[-1]))

    def test_another_code_counts(self):
        self.expect(self.story(66, 1), 1, "command=1")
        self.expect(self.story(None, 66), 66, "command=66")


class Signals(GateCase):
    def interrupted(self, way, signal_number):
        path = self.path("summary.json")
        p = subprocess.Popen([RAVEL, "gate", "--summary-json", path, built("ways"), way], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, universal_newlines=True,
                             env=environment(TMPDIR=self.dir))
        self.assertEqual(p.stdout.readline(), "ready\n")
        p.send_signal(signal_number)
        out, err = p.communicate(timeout=300)
        with open(path) as f:
            return p.returncode, out, json.load(f)

    def test_a_signal_reaches_the_command_and_what_there_is_counts(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            code, out, told = self.interrupted("hang", number)
            self.assertEqual((code, told["new"], told["command"]), (1, 1, 128 + number), out)
            self.assertEqual(told["interrupted"], number)

    def test_a_command_may_end_in_its_own_way(self):
        code, out, told = self.interrupted("hang-politely", signal.SIGTERM)
        self.assertEqual((code, told["new"], told["command"], told["unfinished"]), (1, 1, 0, 0), out)

    def test_an_interrupt_from_the_terminal(self):
        """The gate in front of a terminal: ^C reaches the command by the terminal, and the gate still judges."""
        import pty
        built_ways = built("ways")
        path = self.path("summary.json")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(RAVEL, [RAVEL, "gate", "--summary-json", path, built_ways, "hang"], environment(TMPDIR=self.dir))
        out = b""
        while b"ready" not in out:
            out += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        try:
            while True:
                some = os.read(terminal, 4096)
                if not some:
                    break
                out += some
        except OSError:
            pass  # the other end is closed
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1, out)
        with open(path) as f:
            told = json.load(f)
        self.assertEqual((told["new"], told["command"], told["interrupted"]), (1, 128 + signal.SIGINT, signal.SIGINT))

    def test_a_command_may_read_from_the_terminal(self):
        import pty
        built_ways = built("ways")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(RAVEL, [RAVEL, "gate", "sh", "-c", 'read line; echo "got $line"; exec "$0" clean', built_ways],
                      environment(TMPDIR=self.dir))
        os.write(terminal, b"this\n")
        out = b""
        try:
            while True:
                some = os.read(terminal, 4096)
                if not some:
                    break
                out += some
        except OSError:
            pass  # the other end is closed
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, out)
        self.assertIn(b"got this", out)

    def test_all_processes_of_the_command_get_it(self):
        p = subprocess.Popen([RAVEL, "gate", "sh", "-c", '"$0" hang & wait', built("ways")], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, universal_newlines=True, env=environment(TMPDIR=self.dir))
        self.assertEqual(p.stdout.readline(), "ready\n")
        p.send_signal(signal.SIGTERM)
        out = p.communicate(timeout=300)[0]  # the end of the pipe: nobody holds it any more
        self.assertEqual(out.rstrip().split("\n")[-1], "ravel gate: new=1")


class Bad(GateCase):
    def test_a_command_that_does_not_exist(self):
        self.assertIn("cannot run './nosuch': No such file or directory", self.refused_gate("./nosuch"))
        self.assertIn("cannot run '/etc/passwd': Permission denied", self.refused_gate("/etc/passwd"))

    def test_no_process_reports_in(self):
        o = self.gate("true")
        self.expect(o, 2, "trouble: no process reported in: was it built with ravel cc?")

    def test_usage(self):
        self.assertIn("which command?", self.refused_gate())
        self.assertIn("--nosuch: no such option", self.refused_gate("--nosuch", "true"))
        self.assertIn("--baseline needs a value", self.refused_gate("--baseline"))
        self.assertIn("--repeat 0: that is no number from 1", self.refused_gate("--repeat", "0", "true"))
        self.assertIn("--shard 3/2", self.refused_gate("--shard", "3/2", "true").replace("--shard 3:", "--shard 3/2:"))
        self.assertIn("--max-new -1: that is no number", self.refused_gate("--max-new", "-1", "true"))
        self.assertIn("--update-baseline needs --baseline FILE", self.refused_gate("--update-baseline", "true"))
        self.assertIn("exclude each other", self.refused_gate("--new-from-rev", "a", "--new-from-merge-base", "b", "true"))
        self.assertIn("it takes no command", self.refused_gate("--from", "x", "true"))

    def test_a_summary_says_that_it_is_trouble(self):
        self.refused_gate("--summary-json", self.path("s.json"), "--baseline", "nosuch.json", "true")
        told = json.loads(self.read("s.json"))
        self.assertEqual((told["verdict"], told["exit"]), ("trouble", 2))
        self.assertIn("nosuch.json: no such file", told["trouble"][0])

    def test_an_open_quote(self):
        self.assertIn("RAVEL_OPTIONS has a quote that is not closed",
                      self.refused_gate("true", RAVEL_OPTIONS='suppressions="x'))

    def test_options_that_a_process_did_not_understand(self):
        o = self.gate(built("ways"), "clean", RAVEL_OPTIONS="colour=1")
        self.assertEqual(o.code, 2)
        self.assertIn("trouble: 1 option", o.last)

    def test_logs_of_another_version(self):
        self.write("a.log", log(line("process"), dict(summary(), v=2)))
        o = self.gate("--from", "a.log")
        self.assertEqual(o.code, 2)
        self.assertIn("another version of Ravel", o.last)

    def test_a_log_that_was_cut(self):
        self.write("a.log", log(line("process"), report("00000000000000aa", [], []))[:-20])
        o = self.gate("--from", "a.log")
        self.assertEqual(o.code, 2)
        self.assertIn("cut or damaged", o.last)

    def test_logs_of_nobody(self):
        self.write("a.log", "")
        self.assertIn("no process reported in", self.gate("--from", "a.log").last)
        self.assertIn("nosuch", self.refused_gate("--from", "nosuch"))

    def test_a_place_for_logs_that_is_in_use(self):
        self.write("logs/log.1", "")
        self.assertIn("there is something in it", self.refused_gate("--keep-logs", "logs", "true"))

    def test_a_summary_that_cannot_be_written(self):
        p = self.run_it(RAVEL, "gate", "--summary-json", "nosuch/s.json", built("ways"), env=environment(TMPDIR=self.dir))
        self.assertEqual(p.returncode, 2, p.stdout)
        self.assertIn("ravel gate: trouble: nosuch/s.json: No such file or directory\n", p.stdout)


class Kept(GateCase):
    def test_logs_stay_and_can_be_judged_again(self):
        self.expect(self.gate("--keep-logs", "logs", built("ways"), "race"), 1, "new=1")
        self.assertEqual(len(os.listdir(self.path("logs"))), 1)
        self.expect(self.gate("--from", "logs"), 1, "new=1")

    def test_formats(self):
        self.gate("--sarif", "r.sarif", "--junit", "r.xml", "--html", "r.html", built("ways"), "race")
        self.assertEqual(json.loads(self.read("r.sarif"))["runs"][0]["results"][0]["baselineState"], "new")
        self.assertIn("<testsuite", self.read("r.xml"))


if __name__ == "__main__":
    main()
