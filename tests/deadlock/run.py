#!/usr/bin/env python3
"""tests/deadlock/run.py --ravel RAVEL [--cc COMPILER] [-O LEVEL] NAME...: runs programs/NAME.c, compares with its comments.

    // at: NAME            at the end of a line: a lock is taken, or wanted, on it
    // cycle: a->b c->d    a lock-order cycle that must be reported: the lock wanted at b while the one taken at a was
                           held, and so on; in any order. No such line: silence
    // creators: f g h     each edge's goroutine was created in f, by a goroutine created in g, and so on; in text as well
    // exit: N             the exit code, where it is not 66 with cycles and 0 without

Programs are built from tests/race/race.h: two functions, first() and second(), on two threads, one after the other
but not ordered for the detector; those of goroutines/ from gorace.h. One that deadlocks for real would be a mistake: all findings are about what could be.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "race"))
import run as race  # noqa: E402

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


class Promise:
    """What the comments of a program announce."""

    def __init__(self, source):
        self.files, self.code, self.creators = {source.name}, None, []
        lines, cycles = {}, []
        for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if mark := re.search(r"// at: (\w+)$", text):
                lines[mark[1]] = number
            if mark := re.match(r"// cycle: (.+)$", text):
                cycles.append([edge.split("->") for edge in mark[1].split()])
            if mark := re.match(r"// creators: (.+)$", text):
                self.creators = mark[1].split()
            if mark := re.match(r"// exit: (\d+)$", text):
                self.code = int(mark[1])
        self.cycles = collections.Counter(
            tuple(sorted((lines[taken], lines[wanted]) for taken, wanted in cycle)) for cycle in cycles)
        if self.code is None:
            self.code = race.FOUND if self.cycles else 0


def created_in(entry, strand):
    """The functions in which the strand, its creator, and so on were created, as far as the report tells."""
    strands, functions = {s["id"]: s for s in entry["strands"]}, []
    while (known := strands.get(strand)) and known["created"]:
        functions.append(known["created"][0].get("function"))
        strand = known.get("parent")
    return functions


def read_text(text):
    """Complaints about creators that are named and not told of."""
    named = set(re.findall(r" created by goroutine (\d+)", text))
    told = set(re.findall(r"^  Goroutine (\d+) ", text, re.M))
    return [f"text names {sorted(named)} as creators, and tells of {sorted(told)}"] if not named or named - told else []


def read_log(promise, log):
    """The cycles in a JSON log, and complaints about them."""
    cycles, complaints = collections.Counter(), []
    for entry in map(json.loads, log.splitlines()):
        if entry["type"] != "report":
            continue
        if "edges" not in entry:
            complaints.append(f"reported: {entry['title']}")
            continue
        edges = entry["edges"]
        cycles[tuple(sorted((race.place(promise, e["from_stack"])[0][1], race.place(promise, e["to_stack"])[0][1])
                            for e in edges))] += 1
        for before, after in zip(edges, edges[1:] + edges[:1]):
            if before["to"] != after["from"]:
                complaints.append(f"edges do not meet: {before['to']} and {after['from']}")
        if promise.creators and any(created_in(entry, e["strand"]) != promise.creators for e in edges):
            complaints.append(f"created in {[created_in(entry, e['strand']) for e in edges]}")
        if len({e["strand"] for e in edges}) != len(edges):
            complaints.append("one thread is in the cycle twice")
    return cycles, complaints


def check(args, name, directory):
    """Returns a list of complaints about one program."""
    source, program = args.programs / f"{name}.c", directory / name
    promise = Promise(source)
    if complaints := race.build(args, source, program, args.link):
        return complaints
    options = f"report_format=json:log_path={directory}/{name}.log{args.options}"
    try:
        done = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return ["did not end"]
    log = "".join(path.read_text(encoding="utf-8") for path in directory.glob(f"{name}.log.*"))
    found, complaints = read_log(promise, log)
    if found != promise.cycles:
        complaints.append(f"missed {sorted(promise.cycles - found)}, reported beside {sorted(found - promise.cycles)}")
    if done.returncode != promise.code:
        complaints.append(f"exit code {done.returncode}, not {promise.code}; {done.stdout.decode(errors='replace')}")
    if promise.creators:
        text = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": args.options}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        complaints += read_text(text.stderr)
    if done.stderr:
        complaints.append(f"wrote on stderr\n{done.stderr.decode(errors='replace')}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True, help="the ravel command")
    parser.add_argument("--cc", default="cc", help="the compiler behind it")
    parser.add_argument("-O", default="1", metavar="LEVEL", help="optimisation: 0, 1, 2, 3 or s")
    parser.add_argument("--programs", default=PROGRAMS, type=pathlib.Path, metavar="DIRECTORY", help="where they are")
    parser.add_argument("--link", action="append", default=[], metavar="WORD", help="one more word for the linker")
    parser.add_argument("--options", default="", metavar=":K=V...", help="RAVEL_OPTIONS beside the test's own")
    parser.add_argument("names", nargs="+", metavar="NAME")
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="ravel-deadlock-") as directory:
        for name in args.names:
            if complaints := check(args, name, pathlib.Path(directory)):
                bad += 1
                print(f"{name}: " + "\n    ".join(complaints))
    print(f"{len(args.names) - bad} of {len(args.names)} as promised")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
