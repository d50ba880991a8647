"""Runs the steps of a program, each in a process group of its own with a time limit, and keeps what came of it."""

import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import time

import findings
import programs


BUILT = ".built"  # in a tree whose build went well


@dataclasses.dataclass
class Outcome:
    step: programs.Step
    seconds: float
    trouble: str  # "" when it went well
    found: dict  # Finding -> how often


def run_step(step, tree, variant, log, names):
    """Runs a step; its process group ends with it. Findings go to log files and leave exit codes alone, so that a
    suite runs to its end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with open(f"{log}.out", "wb") as out:
        process = subprocess.Popen(
            programs.fill(step.command, **names),
            cwd=tree / step.inside,
            env=variant.environment(log),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=step.seconds)
            trouble = "" if code == 0 else f"ended with {code}: {last_lines(log)}"
        except subprocess.TimeoutExpired:
            trouble = f"still running after {step.seconds} s"
        end_group(process)
    return Outcome(step, time.monotonic() - begin, trouble, read_findings(variant, log, tree))


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of it has ended already
    process.wait()


def read_findings(variant, log, tree):
    logs = [f for f in log.parent.glob(log.name + ".*") if f.suffix != ".out"]
    read = {"ravel": findings.read_ravel, "tsan": findings.read_tsan}.get(variant.tool)
    return read(logs, f"{tree}/") if read else {}


def last_lines(log, n=6):
    return " | ".join(pathlib.Path(f"{log}.out").read_text(errors="replace").strip().splitlines()[-n:])


def fresh_tree(source, tree):
    shutil.rmtree(tree, ignore_errors=True)
    tree.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, tree, symlinks=True)  # keeps times: nothing generated is made again


def build(program, source, variant, work, keep=False):
    """Builds a fresh copy of the source, unless keep and it is built; returns (tree, what went wrong or "")."""
    tree = work / "built" / variant.name / program.name
    if keep and (tree / BUILT).exists():
        return tree, ""
    fresh_tree(source, tree)
    logs = work / "logs" / variant.name
    for i, step in enumerate(program.build):
        names = {"cc": variant.cc, "flags": programs.FLAGS, "source": tree}
        done = run_step(step, tree, variant, logs / f"{program.name}.build{i}", names)
        if done.trouble:
            return tree, f"{step.title}: {done.trouble}"
    (tree / BUILT).touch()
    return tree, ""
