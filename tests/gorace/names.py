#!/usr/bin/env python3
"""tests/gorace/names.py --ravel RAVEL --cc COMPILER --procs N: what a report says of goroutines, in race_names.c.

Names and numbers; where each was created, in frames of the program only; and by whom, back to the main thread. Then the same
in the words of `ravel report`.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent / "programs" / "race_names.c"
LINES = SOURCE.read_text(encoding="utf-8").splitlines()


def line_of(text):
    [number] = [i for i, line in enumerate(LINES, 1) if text in line]
    return number


def created(strand):
    """Functions of its creation stack, and the line of the innermost."""
    return [frame.get("function") for frame in strand["created"]], strand["created"][0].get("line")


def check(report):
    strands = {s["id"]: s for s in report["strands"]}
    sides = {strands[side["strand"]]["name"]: strands[side["strand"]] for side in report["sides"]}
    assert set(sides) == {"first", "second"}, sides
    assert all("goroutine" in s and "tid" not in s for s in sides.values()), sides
    for side in report["sides"]:
        assert [frame.get("function") for frame in side["stack"]] == ["add"], side["stack"]
    made = line_of("rv_try_go(")
    assert created(sides["first"]) == (["spawn"], made), sides
    assert created(sides["second"]) == (["spawn", "fires"], made), sides
    for name, where in (("first", "rv_go(spawn"), ("second", "rv_timer_start(")):
        maker = strands[sides[name]["parent"]]
        assert maker["goroutine"] == sides[name]["parent_goroutine"]
        assert created(maker) == (["body"], line_of(where)), maker
        first = strands[maker["parent"]]
        assert first["goroutine"] == maker["parent_goroutine"] == 1 and first["parent"] == 0, first
        assert created(first)[0] == ["main"], first
    location = report["location"]
    assert location["where"] == "heap" and strands[location["strand"]]["goroutine"] == 1, location
    assert location["allocated"][0]["line"] == line_of("malloc("), location
    return sides


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ravel", required=True)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--procs", default="1")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ravel-names-") as directory:
        program = f"{directory}/names"
        subprocess.run([args.ravel, "cc", "-g", "-O1", "-pthread", SOURCE, "-o", program, "-lravel_go"],
                       env={**os.environ, "RAVEL_CC": args.cc}, check=True)
        options = f"report_format=json:log_path={directory}/log:maxprocs={args.procs}"
        subprocess.run([program], env={**os.environ, "RAVEL_OPTIONS": options}, check=False, timeout=60)
        [log] = pathlib.Path(directory).glob("log.*")
        entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        [report] = [entry for entry in entries if entry["type"] == "report"]
        sides = check(report)
        text = subprocess.run([args.ravel, "report", str(log), "-f", "text"], capture_output=True, text=True, check=False).stdout
        for name, side in sides.items():
            for words in (f"by goroutine {side['goroutine']} \"{name}\"",
                          f"Goroutine {side['goroutine']} \"{name}\" (", f"created by goroutine {side['parent_goroutine']} at:"):
                assert words in text, (words, text)
        assert "Goroutine 1 (" in text and "allocated by goroutine 1" in text, text


if __name__ == "__main__":
    main()
