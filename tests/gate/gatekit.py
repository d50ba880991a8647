"""gatekit.py: what the tests of `ravel gate` share: programs that are built once, runs of the gate, logs written by hand."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cc"))
from kit import BUILD, CC, CXX, RAVEL, Case, environment, main  # noqa: E402,F401

SOURCE = os.path.abspath(os.path.join(HERE, "..", ".."))
_built = {}


def built(name, *options):
    """The path of tests/gate/programs/NAME.c, compiled by `ravel cc`, once for this script."""
    if name not in _built:
        import atexit
        import shutil
        import tempfile
        where = tempfile.mkdtemp(prefix="ravel gate ")
        atexit.register(shutil.rmtree, where, ignore_errors=True)
        out = os.path.join(where, name)
        subprocess.run([RAVEL, "cc", "-g", "-O1", "-pthread", os.path.join(HERE, "programs", name + ".c"), "-o", out,
                        *options], check=True, env=environment())
        _built[name] = out
    return _built[name]


class Outcome:
    def __init__(self, process, summary):
        self.code = process.returncode
        self.out, self.err = process.stdout, process.stderr
        self.last = self.out.rstrip("\n").split("\n")[-1]
        self.summary = summary

    def rows(self, state):
        """The first lines of the table's rows in this state."""
        return [line for line in self.out.split("\n") if line.startswith("  " + state + " ")]

    def __str__(self):
        return "exit code %d\n%s%s" % (self.code, self.out, self.err)


class GateCase(Case):
    maxDiff = None

    def gate(self, *args, env=None, cwd=None, **more):
        """Runs the gate; the summary for programs must agree with the exit code and the last line."""
        path = self.path("summary.json")
        if os.path.exists(path):
            os.unlink(path)
        p = self.run_it(RAVEL, "gate", "--summary-json", path, *args, env=env or environment(TMPDIR=self.dir, **more),
                        cwd=cwd)
        with open(path) as f:
            summary = json.load(f)
        o = Outcome(p, summary)
        self.assertEqual(summary["exit"], o.code, o)
        if o.out:
            self.assertRegex(o.last, r"^ravel gate: (clean|(new|fixed|unused-suppressions|command)=\d+|trouble: .+)$")
            verdict = o.last[len("ravel gate: "):].split("=")[0].split(":")[0]
            self.assertEqual(summary["verdict"], verdict, o)
        return o

    def expect(self, o, code, last):
        self.assertEqual((o.code, o.last), (code, "ravel gate: " + last), o)
        return o

    def refused_gate(self, *args, **more):
        """The gate must end before it runs anything, with one line on stderr and code 2. Returns the line."""
        p = self.run_it(RAVEL, "gate", *args, env=environment(TMPDIR=self.dir, **more))
        self.assertEqual((p.returncode, p.stdout), (2, ""), p.stderr)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertTrue(p.stderr.startswith("ravel gate: trouble: "), p.stderr)
        return p.stderr

    def tearDown(self):
        left = [name for name in os.listdir(self.dir) if name.startswith("ravel-gate-")]
        self.assertEqual([name for name in left if not name.endswith(".output")], [], "the gate left a directory behind")


# ---- logs by hand --------------------------------------------------------------------------------------------

def frame(function, file, line):
    return {"function": function, "file": file, "line": line, "column": 3, "module": "/bin/x", "offset": "0x10"}


def line(type_, pid=1, **members):
    return dict({"type": type_, "v": 1, "ravel": "0.1.0", "pid": pid, "process": "prog",
                 "time": "2026-01-31T12:00:00.000Z"}, **members)


def report(fingerprint, stack0, stack1, pid=1, name="total", **members):
    return line("report", pid, **dict({
        "kind": "data-race", "title": "data race", "fingerprint": fingerprint, "hint": "", "address": "0x1000", "size": 4,
        "sides": [{"strand": 1, "access": "write", "atomic": False, "by": "program", "address": "0x1000", "size": 4,
                   "locks": [], "stack": stack0},
                  {"strand": 2, "access": "read", "atomic": False, "by": "program", "address": "0x1000", "size": 4,
                   "locks": [], "stack": stack1}],
        "location": {"where": "global", "name": name, "address": "0x1000", "size": 4},
        "strands": [{"id": 1, "tid": 11, "running": True, "created": []},
                    {"id": 2, "tid": 12, "running": True, "created": []}], "locks": []}, **members))


def summary(pid=1, **members):
    return line("summary", pid, **dict({"reports": 0, "findings": 0, "suppressed": 0, "bugs": [], "trouble": 0,
                                        "given_up": 0, "dropped_in_handler": 0}, **members))


def log(*lines):
    return "".join(json.dumps(x, separators=(",", ":")) + "\n" for x in lines)
