"""What the race detectors cost goroutines: gobench with `ravel cc` and with `go build -race`, each beside its plain build.

What counts is the slow-down, which is to be no more than Go's in the same run. `go build -race` cannot have more than 8,128
goroutines at a time, so what keeps more alive is not in the suite; `park` is measured alone, for its memory.
"""

import dataclasses
import json
import statistics

import against_go
import goals
import tables

TITLE = "Goroutines with the race detector"
SUITE = {
    1: "spawn_join yield pingpong unbuf buf128 ring",
    2: "spawn_join pingpong unbuf buf128 mpmc skynet",
}
COUNTS = {
    "spawn_join": 100000, "yield": 500000, "pingpong": 200000, "unbuf": 400000, "buf128": 1000000, "ring": 200000,
    "mpmc": 400000, "skynet": 100000,
}
PARKED, PARKED_BYTES = 100000, 13000
FLAGS = ["-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE", "-pthread"]

HOW = """\
The same programs built with `ravel cc` and with `go build -race`, each beside its plain build, the four in turn. "x" is how many
times longer than the plain build; the goal is to be no more than Go's. To repeat it: `bench/run --sched-race`."""


def build(o):
    """Returns {label: binary} of all four."""
    plain = against_go.build(o)
    go, ravel = (o.work.resolve() / name for name in ("gobench-go-race", "gobench-ravel-race"))
    against_go.command(["go", "build", "-race", "-o", str(go), "."], against_go.HERE / "sched" / "go")
    sources = sorted(map(str, (against_go.HERE / "sched").glob("*.c")))
    root = against_go.HERE.parent
    against_go.command([str(o.build / "bin" / "ravel"), "cc", *FLAGS, "-I", str(root), "-o", str(ravel), *sources, "-lravel_go"], root)
    return {**plain, "go-race": go, "ravel-race": ravel}


@dataclasses.dataclass
class Row:
    key: str
    go: float
    go_race: float
    ravel: float
    ravel_race: float

    @property
    def slower(self):
        return self.go_race / self.go, self.ravel_race / self.ravel

    @property
    def met(self):
        go, ravel = self.slower
        return ravel <= goals.SLACK * go

    def cells(self):
        go, ravel = self.slower
        figures = [goals.figure(v) for v in (self.go, self.go_race, self.ravel, self.ravel_race)]
        return [self.key, *figures[:2], tables.show(go, 1), *figures[2:], tables.show(ravel, 1), "yes" if self.met else "NO"]


HEADING = ["benchmark", "Go ns", "-race ns", "x", "Ravel ns", "ravel cc ns", "x", "met"]


def rows(results):
    """Of what all four did to its end."""
    made = []
    for key, sides in results.items():
        if all(sides.get(label) for label in ("go", "go-race", "ravel", "ravel-race")):
            median = {label: statistics.median(run["ns"] for run in runs) for label, runs in sides.items()}
            made.append(Row(key, median["go"], median["go-race"], median["ravel"], median["ravel-race"]))
    return made


def parked(o, binaries, progress):
    """(bytes of a goroutine that is parked under the detector, what went wrong)."""
    alone = against_go.Suite({"ravel-race": binaries["ravel-race"]}, progress)
    alone.measure(2, "park", 1, PARKED)
    runs = [run for sides in alone.results.values() for run in sides.get("ravel-race", [])]
    return (runs[0]["rss_per_g"] if runs else None), alone.errors


def section(made, bytes_each, rounds):
    missed = [r.key for r in made if not r.met]
    text = f"{len(made) - len(missed)} of {len(made)} slow-downs are within Go's"
    text += f"; not yet: {', '.join(missed)}." if missed else "."
    if bytes_each is not None:
        text += f" {PARKED} parked goroutines take {bytes_each:.0f} bytes each (wanted: at most {PARKED_BYTES})."
    return f"{HOW}\n\nMedians of {rounds} rounds. {text}\n\n{tables.markdown([HEADING] + [r.cells() for r in made])}"


def run(o, progress):
    """bench/run --sched-race. Exit code 1: something did not run to its end, or a detector reported something."""
    binaries = build(o)
    suite = against_go.Suite(binaries, progress)
    for ps, name in against_go.chosen(o.names, SUITE):
        suite.measure(ps, name, o.rounds, COUNTS[name])
    bytes_each, errors = parked(o, binaries, progress)
    progress("")
    text = section(rows(suite.results), bytes_each, o.rounds)
    print(against_go.coloured(text))
    if o.json:
        o.json.write_text(json.dumps({"rounds": o.rounds, "results": suite.results, "park_bytes": bytes_each}, indent=1) + "\n")
    if o.markdown:
        page = o.markdown.read_text() if o.markdown.exists() else ""
        o.markdown.write_text(against_go.replace_section(page, text, TITLE))
    return 1 if suite.errors or errors else 0
