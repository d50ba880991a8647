#!/usr/bin/env python3
"""samples/seed/run.py --ravel RAVEL [--cc COMPILER] [--update] [NAME...]: runs the programs of samples/seed, as they are and mended.

Each is built twice, as it is and with -DMENDED, with the race and the lock-order detector. FAITHFUL says what the former must show; where the
schedule decides whether it does, within so many seeds. The mended ones run with all detectors on, under seeds or on one, two and four Ps; they must
end with 0, report nothing, and print what expected/NAME has, times, numbers of goroutines, addresses and the like aside (normalised, below),
lines in any order. --update writes those files.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FREE = ["maxprocs=1", "maxprocs=2", "maxprocs=4"]
SEEDS = ["sched=seed:1", "sched=seed:2", "sched=seed:3"]
CHECKS = "leak_check=1:leftover=report:report_format=json"
MARK = re.compile(r"// race$")
LEFT = r"ravel: main has returned, and \d+ goroutines are left"

# Program, argument, options, exit code, what it must say (all of these), whether races are to be reported: all at lines marked `// race`, and within
# how many seeds (0: under the options only). The tool that finds it is what the text is from.
Row = collections.namedtuple("Row", "name argument options code says race within", defaults=(False, 0))
FAITHFUL = [
    Row("1_2_characteristics", "", "", 0, ["10000 goroutines were scheduled"]),
    Row("1_4_scheduling", "", "", 0, ["1000 goroutines were scheduled"]),
    Row("2_1_gomaxprocs", "20", "", 0, ["GOMAXPROCS=1: .*ms\nGOMAXPROCS=2: .*ms"]),
    Row("2_2_contention", "500", "", 0, ["one mutex: .*ms", "shards: .*ms", "atomic: .*ms", "shards are .*x as fast"]),
    Row("2_3_allocation", "1000", "", 0, ["new texts: .*ms", "buffer: .*ms", "from a pool: .*ms", "the pool is .*x as fast"]),
    Row("3_1_cpu", "3", "", 0, ["computed", rf"(?s){LEFT}.*vars_listen_and_serve|failed to start"]),
    Row("3_2_memory", "20", "", 0, ["are stored", rf"(?s){LEFT}.*vars_listen_and_serve|failed to start"]),
    Row("3_3_blocking", "1", "", 0, ["5 operations", rf"(?s){LEFT}.*vars_listen_and_serve|failed to start"]),
    Row("4_1_metrics", "", "sched=seed:1", 0, ["point 10: goroutines: 1,", "at the end: goroutines: 1,"]),
    Row("4_2_deadlock", "", "", 0, ["without a deadlock"]),
    Row("4_3_race", "", "sched=seed:1", 66, [r"with a lock: expected 10000, got 10000"], True),
    Row("4_3_race", "", "maxprocs=2", 66, [r"with a lock: expected 10000, got 10000"], True),
    Row("5_1_future", "", "sched=seed:1", 0, ["combined, error: the result was already taken"]),
    Row("5_1_getters", "", "sched=seed:1", 2, ["all goroutines are asleep - deadlock!", r"getter\(\)"], True),
    Row("5_2_stream", "", "sched=seed:1", 0, [rf"(?s){LEFT}.*stage_worker", "the stream is processed"]),
    Row("5_2_drivers", "alive", "sched=seed:1", 0, ["alive: 10 came"]),
    Row("5_2_drivers", "slow", "sched=seed:1", 2, [r"(?s)fatal error: send on closed channel.*stage_worker"]),
    Row("5_2_drivers", "fast", "", 0, [r"fast: 1?\d came"], False, 100),
    Row("5_2_drivers", "unread", "leak_check=0:sched=seed:1", 0, [rf"(?s){LEFT}.*stage_worker.*stage_feeder.*produce", "unread: 0"]),
]
# Program, argument, options of each run.
MENDED = [
    ("1_2_characteristics", "", SEEDS + FREE),
    ("1_4_scheduling", "", SEEDS + FREE),
    ("2_1_gomaxprocs", "20", FREE[:1]),
    ("2_2_contention", "500", FREE),
    ("2_3_allocation", "1000", FREE),
    ("3_1_cpu", "3", FREE),
    ("3_2_memory", "20", FREE),
    ("3_3_blocking", "1", FREE),
    ("4_1_metrics", "", SEEDS),
    ("4_2_deadlock", "", SEEDS + FREE),
    ("4_3_race", "", SEEDS + FREE),
    ("5_1_future", "", SEEDS),
    ("5_1_getters", "", SEEDS + FREE),
    ("5_2_stream", "", SEEDS),
    *(("5_2_drivers", how, SEEDS) for how in ("alive", "slow", "fast", "unread")),
]
NORMAL = [
    (r"\d+\.\d+ms", "TIMEms"),
    (r"\d+\.\d+x", "FACTORx"),
    (r"localhost:\d+", "localhost:PORT"),
    (r"\bgoroutine \d+", "goroutine ID"),
    (r"resource_\d", "resource_ID"),
    (r"(GOMAXPROCS|NumCPU|CPUs|calls|Alloc|Sys|NumGC): \d+", r"\1: N"),
    (r"GOMAXPROCS=\d+: .*\n(GOMAXPROCS=\d+: .*\n)*", "GOMAXPROCS=N: TIMEms, one line for each\n"),
    (r"(point \d+: goroutines): \d+", r"\1: N"),
    (r"(received: .*) \(number \d+\)", r"\1"),
    (r"0x[0-9a-f]+", "ADDRESS"),
]


def normalised(text):
    """What does not depend on the machine, the moment and the order: each line once, with how often it came."""
    for pattern, stands in NORMAL:
        text = re.sub(pattern, stands, text)
    return "".join(f"{n} x {line}\n" for line, n in sorted(collections.Counter(text.splitlines()).items()))


def build(args, directory, name, more):
    program = directory / (name + "".join(more))
    command = [args.ravel, "cc", "-Wall", "-Wextra", "-Werror", "-g", "-O1", *more, str(HERE / f"{name}.c"), "-o", str(program),
               "-lravel_go", "-pthread"]
    built = subprocess.run(command, env={**os.environ, "RAVEL_CC": args.cc}, capture_output=True, text=True, check=False)
    return f"{name}.c: {args.cc} {' '.join(more)} says\n{built.stderr}" if built.returncode or built.stderr else None


def run(program, argument, options):
    """Exit code, stdout, stderr without reports, the reports."""
    command = [str(program), *([argument] if argument else [])]
    try:
        done = subprocess.run(command, env={**os.environ, "RAVEL_OPTIONS": f"{CHECKS}:{options}"}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return None, "", "did not end", []
    lines = done.stderr.splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    rest = "\n".join(line for line in lines if not line.startswith("{"))
    return done.returncode, done.stdout, rest, [entry for entry in entries if entry["type"] == "report"]


def stray(report):
    """Whether a side of the report is not at a line that is marked."""
    for side in report.get("sides") or [{"stack": []}]:
        ours = [frame for frame in side["stack"] if (HERE / pathlib.Path(frame.get("file") or "-").name).is_file()]
        if not ours:
            return True
        lines = (HERE / pathlib.Path(ours[0]["file"]).name).read_text(encoding="utf-8").splitlines()
        if not MARK.search(lines[ours[0]["line"] - 1]):
            return True
    return False


def wrong_with(row, program, options):
    """What is not as the row says; None: nothing."""
    code, out, errors, reports = run(program, row.argument, options)
    said = f"{out}\n{errors}"
    missing = [text for text in row.says if not re.search(text, said)]
    if code != row.code or missing or bool(reports) != row.race or any(stray(report) for report in reports):
        return f"{row.name} {row.argument} ({options}): code {code}, missing {missing}, {len(reports)} reports\n{said}\n{reports}"
    return None


def check_faithful(row, directory):
    wrong = None
    for options in [f"sched=seed:{n}" for n in range(1, row.within + 1)] or [row.options]:
        wrong = wrong_with(row, directory / row.name, options)
        if not wrong:
            break
    return wrong


def check_mended(args, row, directory):
    name, argument, all_options = row
    expected = HERE / "expected" / "_".join(filter(None, (name, argument if name == "5_2_drivers" else "")))
    for options in all_options:
        code, out, errors, reports = run(directory / f"{name}-DMENDED", argument, options)
        if args.update:
            expected.write_text(normalised(out), encoding="utf-8")
        if code or errors or reports or normalised(out) != expected.read_text(encoding="utf-8"):
            return f"{name} {argument}, mended ({options}): code {code}, said\n{normalised(out)}{errors}\n{reports}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ravel", required=True)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--update", action="store_true", help="take what the mended ones print for right")
    parser.add_argument("names", nargs="*", metavar="NAME", help="the programs; none: all")
    args = parser.parse_args()
    names = args.names or sorted(source.stem for source in HERE.glob("*.c"))
    with tempfile.TemporaryDirectory(prefix="ravel-seed-") as path, concurrent.futures.ThreadPoolExecutor(2) as pool:
        directory = pathlib.Path(path)
        jobs = [pool.submit(build, args, directory, name, more) for name in names for more in ([], ["-DMENDED"])]
        complaints = [job.result() for job in jobs if job.result()]
        if not complaints:
            jobs = [pool.submit(check_faithful, row, directory) for row in FAITHFUL if row.name in names]
            jobs += [pool.submit(check_mended, args, row, directory) for row in MENDED if row[0] in names]
            complaints = [job.result() for job in jobs if job.result()]
    print("\n".join(complaints) or f"as promised, and mended: {len(names)} programs")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
