"""What one run of a command costs, and medians over many runs."""

import dataclasses
import json
import math
import os
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


class Failed(Exception):
    """A program that could not be built, ended badly, or printed something else than its native build."""


@dataclasses.dataclass
class Cost:
    cpu: float  # user and system time, seconds
    wall: float
    rss_kib: int  # peak


def build_measure(work):
    """Compiles measure.c into work, once, and returns its path."""
    binary = work / "measure"
    source = HERE / "measure.c"
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-o", binary, source], check=True)
    return binary


def read_cost(report):
    """The Cost in what `measure` wrote; Failed unless the command ended with 0 in time."""
    with open(report) as f:
        r = json.load(f)
    if r["timed_out"]:
        raise Failed("took too long")
    if r["status"] != 0:
        raise Failed(f"ended with {r['status']}")
    return Cost(r["user"] + r["sys"], r["wall"], r["rss_kib"])


def run(measure, command, variant, seconds=120, log=None):
    """Runs command once; returns its Cost and what it printed. With log, findings go there and are no failure."""
    report = measure.parent / f"cost.{os.getpid()}"
    full = [measure, report, str(seconds), *variant.prefix, *map(str, command)]
    out = subprocess.run(full, env=variant.environment(log), stdin=subprocess.DEVNULL, capture_output=True)
    try:
        return read_cost(report), out.stdout
    except Failed as e:
        said = out.stderr.decode(errors="replace").strip().splitlines()
        raise Failed(f"{e}: {' | '.join(said[:12])}") from None


def median(costs):
    return Cost(
        statistics.median(c.cpu for c in costs),
        statistics.median(c.wall for c in costs),
        int(statistics.median(c.rss_kib for c in costs)),
    )


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None
