"""kit.py: what the tests of `ravel report` share: logs written by hand, and running the command.

Each script is a unittest program: `script.py RAVEL REPORT_STATES [unittest's own arguments]`. The logs are made by the
functions below, one JSON object per line as docs/report-format.md has them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

RAVEL = os.path.abspath(sys.argv[1])
STATES = os.path.abspath(sys.argv[2])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMAS = os.environ.get("RAVEL_SCHEMAS", os.path.join(ROOT, "..", "shared", "schemas"))
FORMATS = ("text", "json", "sarif", "junit", "annotations", "summary", "gitlab", "html")


# ---- logs ------------------------------------------------------------------------------------------------------

def line(type, pid=100, process="shop", test=None, **more):
    o = {"type": type, "v": 1, "ravel": "0.1.0", "pid": pid, "process": process, "time": "2026-01-31T12:00:00.000Z"}
    if test:
        o["test"] = test
    o.update(more)
    return o


def start(pid=100, **more):
    return line("process", pid, ppid=1, command=["./shop"], directory="/src", **more)


def end(pid=100, bugs=(), **more):
    """bugs: (fingerprint, hits, paths)..."""
    return line("summary", pid, reports=len(bugs), findings=sum(b[1] for b in bugs), suppressed=0, trouble=0, given_up=0,
                dropped_in_handler=0, bugs=[dict(zip(("fingerprint", "hits", "paths"), b)) for b in bugs], **more)


def frame(function="add", file="/src/shop/cart.c", number=10, column=5, module="/src/build/shop", offset="0x47e2", **more):
    o = {"function": function, "file": file, "line": number, "column": column, "module": module, "build_id": "ab12",
         "offset": offset}
    o.update(more)
    return {k: v for k, v in o.items() if v is not None}


def bare(offset="0x47e2", module="/src/build/shop"):
    """A frame without debug information."""
    return {"module": module, "build_id": "ab12", "offset": offset}


def side(strand=1, access="write", stack=None, **more):
    o = {"strand": strand, "access": access, "atomic": False, "by": "program", "address": "0x1000", "size": 4, "locks": [],
         "stack": [frame()] if stack is None else stack}
    o.update(more)
    return o


def strand(id, running=True, parent=0, **more):
    o = {"id": id, "tid": 500 + id, "running": running}
    if id:
        o.update(parent=parent, created=[frame("main", number=40 + id)])
    o.update(more)
    return o


def race(fingerprint="00000000000000a1", pid=100, sides=None, **more):
    o = dict(kind="data-race", title="data race", fingerprint=fingerprint, hint="guard both with one mutex",
             address="0x1000", size=4, locks=[], strands=[strand(1), strand(2, running=False)],
             sides=sides or [side(1), side(2, "read", [frame("total", number=20), frame("serve", number=30)])],
             location={"where": "global", "name": "sum", "address": "0x1000", "size": 4, "file": "/src/shop/cart.c",
                       "line": 3, "module": "/src/build/shop", "offset": "0x9000"})
    o.update(more)
    return line("report", pid, **o)


def use_after_free(fingerprint="00000000000000f1", pid=100, **more):
    return race(fingerprint, pid, kind="heap-use-after-free", title="heap-use-after-free",
                sides=[side(2, "read", [frame("serve", number=30)]),
                       side(1, "write", [frame("drop", number=50)], by="free")],
                location={"where": "heap", "address": "0x1000", "size": 64, "strand": 0, "freed": True,
                          "allocated": [frame("main", number=41)]}, **more)


def inversion(locks=2, fingerprint="00000000000000c1", pid=100, **more):
    edges = [{"strand": i + 1, "from": i, "to": (i + 1) % locks, "from_mode": "write", "to_mode": "write",
              "from_stack": [frame("take", number=10 + i)], "to_stack": [frame("take", number=100 + i), frame("run")]}
             for i in range(locks)]
    o = dict(kind="lock-order-inversion", title="lock-order-inversion (potential deadlock)", fingerprint=fingerprint,
             hint="take these locks in one order everywhere, for example M0 before M1",
             edges=edges, strands=[strand(i + 1) for i in range(locks)],
             locks=[{"id": i, "address": hex(0x2000 + i), "kind": "mutex", "name": "lock_%d" % i, "destroyed": False,
                     "created": [frame("main", number=60 + i)]} for i in range(locks)])
    o["class"] = "feasible"
    o.update(more)
    return line("report", pid, **o)


def text_of(*lines):
    return "".join(l if isinstance(l, str) else json.dumps(l, separators=(",", ":")) + "\n" for l in lines)


def everything():
    """One process with a finding of every kind."""
    fingerprints = ["00000000000000%s" % x for x in ("a1", "f1", "c1", "c3", "b1", "d1")]
    return text_of(start(), race(test="cart"), use_after_free(test="cart"), inversion(2), inversion(3, "00000000000000c3"),
                   race("00000000000000b1", sides=[side(1, stack=[bare()]), side(2, stack=[bare("0x5000"), bare("0x5010")])],
                        location={"where": "unknown"}),
                   race("00000000000000d1", sides=[side(1, stack=[frame("deep%d" % i, number=i + 1) for i in range(500)]),
                                                   side(2, stack=[])]),
                   end(bugs=[(f, 3, 2) for f in fingerprints]))


# ---- running ---------------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="ravel report ")  # with a blank: paths must not be taken apart
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return name

    def run_it(self, *args, cwd=None, **env):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAVEL_")}
        environment.update(LC_ALL="C", **env)
        return subprocess.run([str(a) for a in args], cwd=cwd or self.dir, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=500)

    def report(self, *args, **kw):
        """Runs `ravel report`, which must succeed in silence. Returns what it printed."""
        p = self.run_it(RAVEL, "report", *args, **kw)
        self.assertEqual((p.returncode, p.stderr), (0, b""), args)
        return p.stdout.decode()

    def json(self, *logs):
        return json.loads(self.report(*logs, "-f", "json"))

    def states(self, log, format, *states, root="/src"):
        root = root if os.path.isdir(root) else self.dir
        p = self.run_it(STATES, log, format, root, *states)
        self.assertEqual((p.returncode, p.stderr), (0, b""))
        return p.stdout.decode()

    def refused(self, *args, **kw):
        """It must print one line on stderr and exit with 2. Returns the line."""
        p = self.run_it(*args, **kw)
        self.assertEqual((p.returncode, p.stdout), (2, b""), "%s\n%s" % (args, p.stderr))
        self.assertEqual(p.stderr.count(b"\n"), 1, p.stderr)
        self.assertTrue(p.stderr.startswith(b"ravel "), p.stderr)
        return p.stderr.decode()


def skip_all(why):
    """The whole script is of no use here; ctest shows it as skipped."""
    print("skipped: no " + why)
    sys.exit(0)


def main():
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
