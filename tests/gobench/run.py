#!/usr/bin/env python3
"""tests/gobench/run.py --ravel RAVEL [--cc COMPILER] [--seeds N] [--twin N] [NAME...]: finds each program's bug, and none in its mend.

programs/NAME.c is built twice, as it is and with -DMENDED (gb.h says what its first lines mean). The former runs under sched=seed:1, 2, ...
until what it promises is found, and must be within N seeds; the latter must be silent and end with 0 under all of --twin seeds. By hand:
--seeds 5000 --twin 5000.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
SAYS = {
    "asleep": (2, "fatal error: all goroutines are asleep - deadlock!"),
    "leak": (66, "(unreachable, conservative scan)"),
    "race": (66, "WARNING: Ravel: data race"),
    "order": (66, "lock-order"),
}


def promised(source):
    """What the program's comment announces: [(exit code, text)], any of which will do."""
    found = re.search(r"^// found: (.+)$", source.read_text(encoding="utf-8"), re.M)[1]
    if found.startswith("fatal: "):
        return [(2, "fatal error: " + found.removeprefix("fatal: "))]
    return [SAYS[word] for word in found.split()]


def build(args, source, program, more):
    command = [args.ravel, "cc", "-Wall", "-Wextra", "-Werror", "-g", "-O1", *more, str(source), "-o", str(program), "-lravel_go",
               "-pthread"]
    built = subprocess.run(command, env={**os.environ, "RAVEL_CC": args.cc}, capture_output=True, text=True, check=False)
    return f"{source.name}: {args.cc} says\n{built.stderr}" if built.returncode or built.stderr else None


def run(program, seed):
    """Exit code, and what it said."""
    options = f"leak_check=1:sched=seed:{seed}"
    try:
        done = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, capture_output=True, text=True, timeout=60,
                              check=False)
    except subprocess.TimeoutExpired:
        return None, "did not end"
    return done.returncode, done.stdout + done.stderr


def seed_that_finds(args, program, wanted):
    """The first seed, or None; and what was said last."""
    said = ""
    for seed in range(1, args.seeds + 1):
        code, said = run(program, seed)
        if any(code == want and text in said for want, text in wanted):
            return seed, said
    return None, said


def check(args, source, directory):
    """Returns complaints about one program."""
    buggy, mended = directory / source.stem, directory / f"{source.stem}.mended"
    for program, more in ((buggy, []), (mended, ["-DMENDED"])):
        if wrong := build(args, source, program, more):
            return [wrong]
    complaints = []
    seed, said = seed_that_finds(args, buggy, promised(source))
    if seed is None:
        complaints.append(f"{source.name}: not found within {args.seeds} seeds; said last\n{said}")
    elif args.verbose:
        print(f"{source.stem}: seed {seed}")
    for seed in range(1, args.twin + 1):
        code, said = run(mended, seed)
        if code != 0 or said:
            complaints.append(f"{source.name}: mended, sched=seed:{seed}: code {code}\n{said}")
            break
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--seeds", type=int, default=100, help="the most that a bug may take")
    parser.add_argument("--twin", type=int, default=3, help="under how many the mend runs")
    parser.add_argument("--verbose", action="store_true", help="say which seed found it")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    sources = [PROGRAMS / f"{name}.c" for name in args.names] or sorted(PROGRAMS.glob("*.c"))
    complaints = []
    with tempfile.TemporaryDirectory(prefix="ravel-gobench-") as directory:
        for source in sources:
            complaints += check(args, source, pathlib.Path(directory))
    print("\n".join(complaints) or f"found, and silent when mended: {len(sources)} programs")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
