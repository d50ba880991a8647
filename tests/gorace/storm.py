#!/usr/bin/env python3
"""tests/gorace/storm.py --ravel RAVEL --archive LIB [--cc COMPILER]: reports while a signal of preemption comes each 50 us.

Each race of storm/program.c must be reported once, whole, with the right stacks, as text and as JSON, with one P and with two.
LIB is the runtime and the storm, in which the runtime's inside can be called.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "storm"
FOUND = 66
PLACES = [f"{i:02x}" for i in range(256)]
SIDE = r"  (?:Previous w|W)rite of size 8 at 0x[0-9a-f]+ by goroutine \d+:\n    #0 (left|right)_(\w\w) [^\n]*\n    #1 racer [^\n]*\n" \
       r"(?:    \(last [^\n]*\n)?\n"
CREATED = r"  Goroutine \d+ \((?:running|finished)\) created by goroutine 1 at:\n    #0 body [^\n]*\n(?:    #\d [^\n]*\n)*\n"
REPORT = r"={18}\nWARNING: Ravel: data race \(pid=\d+\)\n" + SIDE * 2 + r"  Location is global 'data_(\w\w)'[^\n]*\n\n" + CREATED * 2 + \
         r"(?:  Goroutine 1 [^\n]*\n(?:    #[^\n]*\n)+\n)?  Hint: [^\n]*\n\nSUMMARY: [^\n]*\n={18}\n"


def as_text(log):
    """The place of each report; everything in the log but the last line belongs to one."""
    reports = [match for match in re.finditer(REPORT, log)]
    rest = re.sub(REPORT, "", log)
    assert rest == f"Ravel: reported {len(PLACES)} warnings\n", rest[:3000]
    for one in reports:
        a, at, b, at_too, data = one.groups()
        assert {a, b} == {"left", "right"} and at == at_too == data, one[0]
    return [one[5] for one in reports]


def as_json(log):
    entries = [json.loads(line) for line in log.splitlines()]
    assert log.endswith("\n") and entries[-1]["type"] == "summary", log[-300:]
    places = []
    for entry in entries:
        if entry["type"] != "report":
            continue
        tops = [[frame["function"] for frame in side["stack"]] for side in entry["sides"]]
        place = entry["location"]["name"].removeprefix("data_")
        assert sorted(tops) == [[f"left_{place}", "racer"], [f"right_{place}", "racer"]], entry
        places.append(place)
    return places


def run(program, log, style, procs):
    options = f"report_format={style}:log_path={log}:maxprocs={procs}"
    done = subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == FOUND and not done.stderr + done.stdout, (done.returncode, done.stdout, done.stderr[:3000])
    [path] = log.parent.glob(f"{log.name}.*")
    return path.read_text(encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True, help="the ravel command")
    parser.add_argument("--archive", required=True, help="the library")
    parser.add_argument("--cc", default="cc", help="the compiler behind it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ravel-storm-") as name:
        directory = pathlib.Path(name)
        program = directory / "storm"
        subprocess.run([args.ravel, "cc", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-pthread", HERE / "program.c", "-o", program,
                        args.archive, "-lunwind"], env={**os.environ, "RAVEL_CC": args.cc}, check=True)
        for style, read in (("text", as_text), ("json", as_json)):
            for procs in (1, 2):
                places = read(run(program, directory / f"{style}{procs}", style, procs))
                assert sorted(places) == PLACES, (style, procs, set(PLACES) ^ set(places), len(places))
    return 0


if __name__ == "__main__":
    sys.exit(main())
