"""The scheduler's benchmarks (bench/sched), Go's beside ours: builds both, runs them in turn, one process for each."""

import json
import os
import pathlib
import subprocess
import sys

import goals

HERE = pathlib.Path(__file__).resolve().parent
TITLE = "Goroutines"
SECONDS = 90  # a run that takes longer hangs

# What is run at which numbers of Ps; a benchmark may print several lines.
SUITE = {
    1: "spawn spawn_join yield yield1k pingpong unbuf buf128 mpmc chan_uncont mutex mutex_uncont "
    "rwmutex9010 once cond ring skynet sieve fib30 preempt timer_stop "
    "syscall_fast syscall_handoff",
    2: "spawn spawn_join spawn_deep park yield yield1k pingpong unbuf buf128 mpmc mpmc0 mutex "
    "mutex_shard16 mutex_work rwmutex9010 cond ring skynet sieve fib30 gomaxprocs "
    "forkjoin preempt preempt_tight sleep100k ctxtree timer_live time_after timer_fire sleep_idle idle_cpu syscall_block syscall_many pipe_pp "
    "tcp1 tcp100 tcp1000 tcp_accept",
}

HOW = """\
The runtime beside Debian's Go: the same benchmarks (bench/sched) written in Go and in C, one process for each run, the two
in turn, round after round. `p1` and `p2` are one and two Ps. Figures are medians. ns is the time of an operation; the other
measures are what their names say. A goal that is a time is a share of Go's time in the same run; "no worse" leaves 5% for
noise. To repeat it: `bench/run --sched`."""


def build(o):
    """Returns {label: binary}."""
    work = o.work.resolve()
    go = work / "gobench-go"
    work.mkdir(parents=True, exist_ok=True)
    command(["go", "build", "-o", str(go), "."], HERE / "sched" / "go")
    command(["cmake", "--build", str(o.build), "--target", "gobench"], HERE)
    return {"go": go, "ravel": o.build / "bin" / "gobench"}


def command(argv, directory):
    try:
        done = subprocess.run(argv, cwd=directory, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"bench/run: {argv[0]} is not there: see bench/packages.txt")
    if done.returncode != 0:
        sys.exit(f"bench/run: {' '.join(argv)}:\n{done.stdout}{done.stderr}")


def alone():
    """Between fork and exec: a session of its own, with all the CPU that it may get. With sched_autogroup a nice value
    counts inside its group only, so the group's is set as well."""
    try:
        os.setsid()
        os.nice(-20)
        pathlib.Path("/proc/self/autogroup").write_text("-20")
    except OSError:
        pass  # not root: the rest of the machine is felt more


class Suite:
    """Runs benchmarks and keeps {key: {label: [measures of a run]}}, and what went wrong."""

    def __init__(self, binaries, progress):
        self.binaries = binaries
        self.progress = progress
        self.results = {}
        self.errors = []

    def measure(self, ps, name, rounds, count=None):
        """count: how often; None: as often as the benchmark does by itself."""
        able = list(self.binaries)
        for i in range(rounds):
            for label in list(able):
                self.progress(f"{name}, {ps} P, {label}: round {i + 1} of {rounds}")
                if not self.run(label, ps, name, count):
                    able.remove(label)

    def run(self, label, ps, name, count):
        """Whether it went well."""
        argv = [str(self.binaries[label]), "-p", str(ps), *(["-n", str(count)] if count else []), name]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, preexec_fn=alone)
        except subprocess.TimeoutExpired:
            return self.failed(f"{label} -p {ps} {name}: no end after {SECONDS} s")
        for line in done.stdout.splitlines():
            key, measures = parse(line)
            self.results.setdefault(key, {}).setdefault(label, []).append(measures)
        if done.returncode != 0:
            said = " | ".join(done.stderr.strip().splitlines()[:8])
            return self.failed(f"{label} -p {ps} {name}: ended with {done.returncode}: {said}")
        return True

    def failed(self, what):
        self.errors.append(what)
        self.progress("")
        print(f"bench/run: {what}", file=sys.stderr)
        return False


def parse(line):
    """(key, measures) of a line "name ops ns k=v...": {"ns": ..., "k": ...}."""
    name, _, ns, *rest = line.split()
    measures = {"ns": float(ns), **{k: float(v) for k, v in (e.split("=") for e in rest)}}
    ps = int(measures.pop("p"))
    return (name if name.startswith("gomaxprocs") else f"{name}/p{ps}"), measures


def chosen(names, suite):
    """[(number of Ps, benchmark)] in the order of the suite."""
    known = {n for some in suite.values() for n in some.split()}
    if set(names) - known:
        sys.exit(f"bench/run: unknown benchmarks: {', '.join(sorted(set(names) - known))}; there are {' '.join(sorted(known))}")
    pairs = [(ps, n) for ps, some in suite.items() for n in some.split() if not names or n in names]
    return sorted(pairs, key=lambda pair: list(dict.fromkeys(n for _, n in pairs)).index(pair[1]))


def section(results, rounds):
    """The text that the page has of these results."""
    made = goals.rows(results)
    return f"{HOW}\n\nMedians of {rounds} rounds. {goals.summary(made)}\n\n{goals.table(made)}"


def kept(work):
    """[(title, text)] of the last whole run in work, for the page of bench/run; none: []."""
    file = work / "sched.json"
    if not file.exists():
        return []
    last = json.loads(file.read_text())
    return [(TITLE, section(last["results"], last["rounds"]))]


def replace_section(page, text, title):
    """page, with text as its section of that title: in the place of the old one, else before the notes, which come last."""
    old, notes = page.find(f"\n## {title}\n"), page.find("\n## Where the time goes\n")
    start = next((at for at in (old, notes) if at >= 0), len(page))
    end = page.find("\n## ", start + 1) if old >= 0 else start
    return f"{page[:start]}\n## {title}\n\n{text}\n{page[end if end >= 0 else len(page):]}"


def coloured(text):
    """The table for a terminal: what is met green, what is not red."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    colour = {"yes |": 32, "NO |": 31}
    return "\n".join(
        next((f"\033[{c}m{line}\033[0m" for end, c in colour.items() if line.endswith(end)), line) for line in text.splitlines()
    )


def run(o, progress):
    """bench/run --sched. Exit code 1: something did not run to its end."""
    suite = Suite(build(o), progress)
    for ps, name in chosen(o.names, SUITE):
        suite.measure(ps, name, o.rounds)
    progress("")
    made = goals.rows(suite.results)
    print(coloured(goals.table(made)) + "\n\n" + goals.summary(made))
    data = json.dumps({"rounds": o.rounds, "errors": suite.errors, "results": suite.results}, indent=1) + "\n"
    if not o.names:
        (o.work / "sched.json").write_text(data)
    if o.json:
        o.json.write_text(data)
    if o.markdown:
        page = o.markdown.read_text() if o.markdown.exists() else ""
        o.markdown.write_text(replace_section(page, section(suite.results, o.rounds), TITLE))
    for e in suite.errors:
        print(f"bench/run: {e}", file=sys.stderr)
    return 1 if suite.errors else 0
