#!/usr/bin/env python3
"""samples/run.py --ravel RAVEL [--cc COMPILER] [-O LEVEL] [--go DIR] NAME...: runs samples and compares with what they promise.

Each samples/NAME has buggy.c and mended.c. In buggy.c, comments at the end of lines say what must be reported:

    // race: LABEL          an access of the race LABEL; the two lines of a label are the pair that meets, and one
                            line alone meets itself
    // lock-cycle: LABEL    a line that takes a lock of the cycle LABEL

buggy must report these pairs of lines, nothing else, and exit with 66, every time; mended must run in silence and
exit with 0. One that includes <ravel.h> is linked with libravel_go.a, and runs on one, two and four Ps.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SAMPLES = pathlib.Path(__file__).resolve().parent
MARK = re.compile(r"// (race|lock-cycle): (\w+)$")
RUNS = 3  # the schedule differs between runs, the verdict must not
FOUND = 66


def promised(source):
    """The findings that the comments in source announce: {(kind, sorted lines)}."""
    lines = collections.defaultdict(list)
    for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        if mark := MARK.search(text):
            lines[mark.groups()].append(number)
    return {(kind, tuple(found * 2 if kind == "race" and len(found) == 1 else found))
            for (kind, _), found in lines.items()}


def line_in(source, stack):
    """The line of the innermost frame that is in source; 0 when there is none."""
    for frame in stack:
        if pathlib.Path(frame.get("file") or "").name == source.name:
            return frame.get("line", 0)
    return 0


def reported(source, log):
    """The findings in a JSON log, in the form of promised()."""
    findings = set()
    for text in log.splitlines():
        entry = json.loads(text)
        if entry["type"] != "report":
            continue
        if "sides" in entry:
            findings.add(("race", tuple(sorted(line_in(source, side["stack"]) for side in entry["sides"]))))
        else:
            stacks = [edge[end] for edge in entry["edges"] for end in ("from_stack", "to_stack")]
            findings.add(("lock-cycle", tuple(sorted({line_in(source, stack) for stack in stacks}))))
    return findings


def has_goroutines(source):
    return "#include <ravel.h>" in source.read_text(encoding="utf-8")


def runs(source):
    """The options of each run."""
    return [f":maxprocs={n}" for n in (1, 2, 4)] if has_goroutines(source) else [""] * RUNS


def run(program, directory, source, more):
    """Runs program once; returns exit code, findings, and what it wrote to stderr."""
    for old in directory.glob("log.*"):
        old.unlink()
    options = f"report_format=json:log_path={directory}/log{more}"
    done = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    log = "".join(path.read_text(encoding="utf-8") for path in directory.glob("log.*"))
    return done.returncode, reported(source, log), done.stderr.decode(errors="replace")


def check(args, name, directory):
    """Returns a list of complaints about one sample."""
    complaints = []
    for twin in ("buggy", "mended"):
        source = SAMPLES / name / f"{twin}.c"
        program = directory / twin
        command = [*args.ravel, "-Wall", "-Wextra", "-Werror", "-g", f"-O{args.O}", "-pthread", str(source), "-o",
                   str(program)]
        if has_goroutines(source):
            command += [f"-I{SAMPLES.parent / 'include'}", f"{args.go}/libravel_go.a"]
        built = subprocess.run(command, env={**os.environ, "RAVEL_CC": args.cc}, capture_output=True, text=True,
                               check=False)
        if built.returncode or built.stderr:
            complaints.append(f"{name}/{twin}.c: {args.cc} -O{args.O} says\n{built.stderr}")
            continue
        wanted = promised(source)
        for more in runs(source):
            code, found, errors = run(program, directory, source, more)
            if found != wanted:
                complaints.append(f"{name}/{twin}.c: missed {sorted(wanted - found)}, reported beside {sorted(found - wanted)}")
            if code != (FOUND if wanted else 0):
                complaints.append(f"{name}/{twin}.c: exit code {code}")
            if errors:
                complaints.append(f"{name}/{twin}.c: wrote on stderr\n{errors}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True, type=lambda path: [path, "cc"], help="the ravel command")
    parser.add_argument("--cc", default="cc", help="the compiler behind it")
    parser.add_argument("-O", default="1", metavar="LEVEL", help="optimisation: 0, 1, 2, 3 or s")
    parser.add_argument("--go", metavar="DIR", help="where libravel_go.a is")
    parser.add_argument("names", nargs="+", metavar="NAME")
    args = parser.parse_args()
    complaints = []
    for name in args.names:
        with tempfile.TemporaryDirectory(prefix="ravel-sample-") as directory:
            complaints += check(args, name, pathlib.Path(directory))
    print("\n".join(complaints) or f"as promised: {' '.join(args.names)}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
