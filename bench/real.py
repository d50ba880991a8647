"""The real programs of tests/real as things to measure: compressors on one input, and a server under a load."""

import dataclasses
import os
import subprocess

import costs
import fetch
import load
import programs
import steps

THREADS, CONNECTIONS, BATCHES = 2, 4, 400


class Built:
    """Builds each program once per variant, however many workloads it has."""

    def __init__(self, work):
        self.work = work
        self.done = {}  # (program name, variant name) -> tree

    def tree(self, program, variant):
        key = program.name, variant.name
        if key not in self.done:
            source, _ = fetch.fetch(program.package, self.work)
            tree, trouble = steps.build(program, source, variant, self.work)
            if trouble:
                raise costs.Failed(f"build: {trouble}")
            self.done[key] = tree
        return self.done[key]


@dataclasses.dataclass
class Filter:
    """A compressor's command, reading a file and writing to its standard output."""

    name: str
    program: programs.Program
    command: tuple
    built: Built

    def names(self, variant):
        work = self.built.work
        return {
            "source": self.built.tree(self.program, variant),
            "input": programs.make_input(work / "input"),
            "packed": work / f"{self.program.name}.packed",
        }

    def build(self, work, variant):
        names = self.names(variant)
        if not names["packed"].exists():
            pack = programs.fill(dict(self.program.loads)["compress"], **names)
            names["packed"].write_bytes(subprocess.run(pack, check=True, capture_output=True).stdout)

    def run(self, measure, work, variant):
        return costs.run(measure, programs.fill(self.command, **self.names(variant)), variant, log=work / "log" / self.name)


@dataclasses.dataclass
class Server:
    """memcached: what the server costs, not its client."""

    name: str
    program: programs.Program
    built: Built

    def build(self, work, variant):
        self.built.tree(self.program, variant)

    def run(self, measure, work, variant):
        socket, report = work / "socket", work / f"cost.{os.getpid()}"
        prefix = [measure, report, "300", *variant.prefix]
        server = self.built.tree(self.program, variant) / "memcached"
        try:
            process = load.start(server, socket, THREADS, map(str, prefix), variant.environment(work / "log" / self.name))
            wrong = load.play(socket, CONNECTIONS, BATCHES)
            load.stop(process)
        except RuntimeError as e:
            raise costs.Failed(str(e)) from None
        if wrong:
            raise costs.Failed(wrong[0])
        return costs.read_cost(report), b""


def workloads(work):
    """Everything to measure, built below work."""
    fetch.install(sorted({n for p in programs.PROGRAMS for n in p.needs} | {"dpkg-dev"}))
    built = Built(work)
    filters = [Filter(f"{p.name} {title}", p, command, built) for p in programs.PROGRAMS for title, command in p.loads]
    return filters + [Server("memcached", programs.by_name("memcached"), built)]
