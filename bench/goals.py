"""What the runtime wants to reach beside Go, and the table that says whether it does.

A goal is set for one measure of one benchmark. Times depend on the machine, so a time of so many ns is wanted in proportion
to what Go 1.19 took where the goal was set: it is that share of what Go takes in the same run. What no goal is set for is to
be no worse than Go: the time of an operation, and the 99th percentile where there is one.
"""

import dataclasses
import statistics

import tables

SLACK = 1.05  # "no worse" leaves room for the noise of a median


@dataclasses.dataclass(frozen=True)
class Goal:
    measure: str
    share: float = None  # of Go's figure in this run
    absolute: float = None  # or the figure itself
    more_is_better: bool = False
    every_run: bool = False  # the worst run counts, against Go's best

    def wanted(self, go):
        if self.absolute is not None:
            return self.absolute
        best = (max if self.more_is_better else min)(go)
        return self.share * (best if self.every_run else statistics.median(go))

    def reached_by(self, ravel):
        """The figure of Ravel's that counts."""
        if not self.every_run:
            return statistics.median(ravel)
        return min(ravel) if self.more_is_better else max(ravel)

    def met(self, go, ravel):
        figure, wanted = self.reached_by(ravel), self.wanted(go)
        return figure >= wanted if self.more_is_better else figure <= wanted


def no_worse(measure, more_is_better=False):
    return Goal(measure, 1 / SLACK if more_is_better else SLACK, None, more_is_better)


# Benchmark (without its number of Ps, or with it) to its goals. "ns" is the time of an operation.
GOALS = {
    "select4": (Goal("ns", 110 / 253),),
    "select4buf": (Goal("ns", 50 / 124),),
    "select_default": (Goal("ns", 12 / 41),),
    "yield": (Goal("ns", 15 / 56),),
    "yield1k": (Goal("ns", 15 / 71),),
    "spawn_join": (Goal("ns", 70 / 236),),
    "spawn_cold/p2": (Goal("ns", 80 / 167), Goal("maxrss_kb", 2.0)),
    "park": (Goal("ns", 2000 / 2092), Goal("rss_per_g", absolute=4600)),
    "skynet/p2": (Goal("ns", 200 / 762), Goal("maxrss_kb", 2.0)),
    "fib30_t2/p2": (Goal("ns", 60 / 689),),
    "forkjoin": (no_worse("ns"), Goal("speedup", absolute=1.6, more_is_better=True)),
    "preempt": (Goal("late_p50_us", 8 / 19),),
    "preempt_tight": (Goal("late_p50_us", 8 / 19),),
    "syscall_handoff": (no_worse("late_p50_us"),),
    "syscall_block": (
        Goal("compute_pct", absolute=75, more_is_better=True),
        Goal("blocks_s", 5000 / 1600, more_is_better=True),
    ),
    "sleep100k": (no_worse("ns"), Goal("late_p50_us", 0.2 / 0.43), Goal("cpu_ms", 260 / 374)),
    "tcp100": (Goal("req_s", 160 / 124, more_is_better=True), Goal("p99_us", 2.5 / 5.0)),
    "idle_cpu": (Goal("cpu_us_per_s", 50 / 150),),
    "pingpong/p1": (Goal("ns", 70 / 216),),
    "pingpong/p2": (Goal("ns", 90 / 235),),
    "mutex": (Goal("ns", 11 / 11.3),),
    "mutex_uncont": (Goal("ns", 9 / 11.4),),
    "rwmutex9010": (Goal("ns", 14 / 15.6),),
    "cond": (Goal("ns", 60 / 126),),
    "ctx_build": (Goal("ns", 1400 / 2764),),
    "ctx_cancel": (Goal("ns", 150 / 406),),
    "time_after": (Goal("ns", 120 / 344),),
    "gomaxprocs2": (Goal("ns", 1.0, every_run=True),),
}


def goals_of(key, measures):
    """The goals of a benchmark that printed these measures: those of GOALS, and being no worse where nothing is set."""
    goals = list(GOALS.get(key) or GOALS.get(key.split("/")[0]) or [no_worse("ns")])
    named = {g.measure for g in goals}
    return goals + [no_worse(m) for m in measures if m.endswith("p99_us") and m not in named]


@dataclasses.dataclass
class Row:
    key: str
    measure: str
    go: float
    ravel: float
    wanted: float
    met: bool
    more_is_better: bool

    def cells(self):
        ratio = tables.ratio(self.ravel, self.go)
        sign = ">=" if self.more_is_better else "<="
        figures = [figure(self.go), figure(self.ravel), tables.show(ratio, 2), f"{sign} {figure(self.wanted)}"]
        return [self.key, self.measure, *figures, "yes" if self.met else "NO"]


def figure(v):
    return f"{v:.0f}" if v >= 1000 else f"{v:.3g}" if v < 1 else f"{v:.1f}"


HEADING = ["benchmark", "measure", "Go", "Ravel", "ratio", "goal", "met"]


def rows(results):
    """results: {key: {"go": [measures of a run], "ravel": [...]}} to Rows; what one side did not finish is left out."""
    made = []
    for key, sides in results.items():
        if not (sides.get("go") and sides.get("ravel")):
            continue
        for goal in goals_of(key, sides["go"][0]):
            go, ravel = ([run[goal.measure] for run in sides[side]] for side in ("go", "ravel"))
            medians = statistics.median(go), goal.reached_by(ravel)
            made.append(Row(key, goal.measure, *medians, goal.wanted(go), goal.met(go, ravel), goal.more_is_better))
    return made


def table(made):
    return tables.markdown([HEADING] + [r.cells() for r in made])


def summary(made):
    missed = [f"{r.key} ({r.measure})" for r in made if not r.met]
    return f"{len(made) - len(missed)} of {len(made)} goals met" + (f"; not yet: {', '.join(missed)}." if missed else ".")
