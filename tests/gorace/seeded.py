#!/usr/bin/env python3
"""tests/gorace/seeded.py --ravel RAVEL [--cc COMPILER]: sched=seed:N in programs that are checked for races.

rare.c has a race that few orders of goroutines bring about: it is to be found within SEEDS seeds, not by all of them, and again by
the seed that found it. order.c's runs with one seed are to leave the same log, byte for byte, though their addresses differ.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "seeded"
FOUND, SEEDS, AGAIN, RUNS = 66, 100, 3, 20


class Program:
    def __init__(self, args, directory, name):
        self.path, self.log = directory / name, directory / f"{name}.log"
        command = [args.ravel, "cc", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-pthread", HERE / f"{name}.c", "-o", self.path,
                   "-lravel_go"]
        subprocess.run(command, env={**os.environ, "RAVEL_CC": args.cc}, check=True)

    def run(self, seed, more=""):
        """Its exit code, what it said on both streams, and its event log."""
        options = f"sched=seed:{seed}:sched_log={self.log}{more}"
        done = subprocess.run([self.path], env={**os.environ, "RAVEL_OPTIONS": options}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        if "not deterministic here" in done.stderr:
            raise AssertionError(f"seed {seed}: {done.stderr}")
        return done.returncode, done.stdout, done.stderr, self.log.read_bytes()


def rare(program):
    codes = {seed: program.run(seed)[0] for seed in range(1, 11)}
    assert set(codes.values()) <= {0, FOUND}, codes
    assert 0 in codes.values(), "every seed finds it: it is not rare"
    found = next((s for s in range(1, SEEDS + 1) if (codes[s] if s in codes else program.run(s)[0]) == FOUND), None)
    assert found, f"not found by {SEEDS} seeds"
    runs = [program.run(found) for _ in range(AGAIN)]
    for code, _, stderr, log in runs:
        assert code == FOUND and log == runs[0][3], f"seed {found} does not bring it again"
        assert f"\n  Order of goroutines: RAVEL_OPTIONS=sched=seed:{found}\n" in stderr, stderr
    lines = program.run(found, ":report_format=json")[2].splitlines()
    reports = [entry for entry in map(json.loads, lines) if entry["type"] == "report"]
    assert [entry["sched"] for entry in reports] == [f"seed:{found}"], lines
    print(f"rare.c: found by seed {found}, and again")


def order(program):
    for seed in range(1, 6):  # locks that are met taken by others: all must get on
        assert program.run(seed)[0] == 0, f"seed {seed}"
    runs = [program.run(7) for _ in range(RUNS)]
    lines = [stdout.split("\n", 1) for _, stdout, _, _ in runs]
    assert all(code == 0 for code, *_ in runs), runs[0]
    assert len({log for *_, log in runs}) == 1, "logs of one seed differ"
    assert len({rest for _, rest in lines}) == 1, "orders of one seed differ"
    assert len({address for address, _ in lines}) > RUNS / 2, "addresses must differ for this to mean anything"
    assert program.run(8)[3] != runs[0][3], "another seed, the same log"
    print(f"order.c: {RUNS} runs, one log of {len(runs[0][3])} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True, help="the ravel command")
    parser.add_argument("--cc", default="cc", help="the compiler behind it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ravel-seeded-") as directory:
        rare(Program(args, pathlib.Path(directory), "rare"))
        order(Program(args, pathlib.Path(directory), "order"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
