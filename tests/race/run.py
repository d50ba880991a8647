#!/usr/bin/env python3
"""tests/race/run.py --ravel RAVEL [--cc COMPILER] [-O LEVEL] NAME...: runs programs/NAME.c or .cc, compares with its comments.

race.h says what the comments mean. A program must be built without a word from the compiler, give exactly the findings
that its marks announce, each with both stacks, end with the right exit code, and be silent otherwise.
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

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"  # unless --programs says otherwise
FOUND = 66


class Promise:
    """What the comments of a program, and of the file it includes, announce."""

    def __init__(self, source):
        self.files, self.options, self.stderr, self.code = set(), "", None, None
        self.stacks = {}  # (file, line) -> function names
        self.after = {}  # (file, line) -> name of a synchronisation
        self.syncs = {"start": ("start", None)}  # name -> (what, (file, line))
        labels = collections.defaultdict(list)
        self.read(source, labels)
        self.races = {tuple(sorted(where * 2 if len(where) == 1 else where)) for where in labels.values()}
        if self.code is None:
            self.code = FOUND if self.races else 0

    def read(self, source, labels):
        self.files.add(source.name)
        for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if mark := re.search(r"// race: (\w+)$", text):
                labels[mark[1]].append((source.name, number))
            if mark := re.search(r"// stack: (.+)$", text):
                self.stacks[source.name, number + 1] = mark[1].split()
            if mark := re.search(r"// sync: (\w+) ([\w-]+)$", text):
                self.syncs[mark[1]] = mark[2], (source.name, number)
            if mark := re.search(r"// after: (\w+)$", text):
                self.after[source.name, number + 1] = mark[1]
            if mark := re.match(r"// options: (.+)$", text):
                self.options = ":" + mark[1]
            if mark := re.match(r"// exit: (\d+)$", text):
                self.code = int(mark[1])
            if mark := re.match(r"// stderr: (.+)$", text):
                self.stderr = mark[1]
            if mark := re.match(r'#include "(\w+\.h)"$', text):
                self.read(source.parent / mark[1], labels)


def place(promise, stack):
    """File and line of the innermost frame that is in the program, and the functions from there outwards."""
    for i, frame in enumerate(stack):
        name = pathlib.Path(frame.get("file") or "").name
        if name in promise.files:
            return (name, frame.get("line", 0)), [outer.get("function") for outer in stack[i:]]
    return ("?", 0), []


def synced(promise, side):
    """What and where the last synchronisation before the side was."""
    last = side.get("last_sync", {"what": "not known", "stack": []})
    return last["what"], place(promise, last["stack"])[0] if last["stack"] else None


def read_log(promise, log):
    """The races in a JSON log, and complaints about them."""
    races, complaints = collections.Counter(), []
    for text in log.splitlines():
        entry = json.loads(text)
        if entry["type"] != "report":
            continue
        if "sides" not in entry:
            complaints.append(f"reported: {entry['title']}")
            continue
        sides = [place(promise, side["stack"]) for side in entry["sides"]]
        races[tuple(sorted(where for where, _ in sides))] += 1
        for (where, functions), side in zip(sides, entry["sides"]):
            if (after := promise.after.get(where)) and synced(promise, side) != promise.syncs[after]:
                complaints.append(f"synchronised before line {where[1]}: {synced(promise, side)}, "
                                  f"not {promise.syncs[after]}")
            wanted = promise.stacks.get(where)
            if wanted and functions[:len(wanted)] != wanted:
                complaints.append(f"stack at line {where[1]} is {functions}, not {wanted}")
    for race, times in races.items():
        if times != 1:
            complaints.append(f"reported {times} times: {race}")
    return set(races), complaints


def build(args, source, program, link=()):
    """Compiles source, with link as the linker's last words; returns complaints."""
    cxx = source.suffix == ".cc"
    compiler = {"RAVEL_CXX": re.sub(r"gcc|clang", lambda m: {"gcc": "g++", "clang": "clang++"}[m[0]], args.cc)} if cxx \
        else {"RAVEL_CC": args.cc}
    command = [args.ravel, "c++" if cxx else "cc", "-Wall", "-Wextra", "-Werror", "-g", f"-O{args.O}", "-pthread", str(source), "-o",
               str(program), *link]
    built = subprocess.run(command, env={**os.environ, **compiler}, capture_output=True, text=True, check=False)
    return [f"{args.cc} says\n{built.stderr}"] if built.returncode or built.stderr else []


def check(args, name, directory):
    """Returns a list of complaints about one program."""
    [source], program = args.programs.glob(f"{name}.c*"), directory / name
    promise = Promise(source)
    if complaints := build(args, source, program, args.link):
        return complaints
    options = f"report_format=json:log_path={directory}/{name}.log{promise.options}{args.options}"
    try:
        done = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=100, check=False)
    except subprocess.TimeoutExpired:
        return ["did not end"]
    log = "".join(path.read_text(encoding="utf-8") for path in directory.glob(f"{name}.log.*"))
    found, complaints = read_log(promise, log)
    if found != promise.races:
        complaints.append(f"missed {sorted(promise.races - found)}, reported beside {sorted(found - promise.races)}")
    if done.returncode != promise.code:
        complaints.append(f"exit code {done.returncode}, not {promise.code}; {done.stdout.decode(errors='replace')}")
    stderr = done.stderr.decode(errors="replace")
    if promise.stderr not in stderr if promise.stderr else stderr:
        complaints.append(f"wrote on stderr\n{stderr}")
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True, help="the ravel command")
    parser.add_argument("--cc", default="cc", help="the compiler behind it")
    parser.add_argument("-O", default="1", metavar="LEVEL", help="optimisation: 0, 1, 2, 3 or s")
    parser.add_argument("--programs", default=PROGRAMS, type=pathlib.Path, metavar="DIRECTORY", help="where they are")
    parser.add_argument("--link", action="append", default=[], metavar="WORD", help="one more word for the linker")
    parser.add_argument("--options", default="", metavar=":K=V...", help="RAVEL_OPTIONS beside the program's own")
    parser.add_argument("names", nargs="+", metavar="NAME")
    args = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="ravel-race-") as directory:
        for name in args.names:
            if complaints := check(args, name, pathlib.Path(directory)):
                bad += 1
                print(f"{name}: " + "\n    ".join(complaints))
    print(f"{len(args.names) - bad} of {len(args.names)} as promised")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
