"""The ways a program is built and run: natively, with ThreadSanitizer, with Ravel, and under Helgrind.

A variant is a compiler command for any build system (`cc`, one string, as CC= wants it), the environment that command
needs, and a prefix for running what it made. Nothing else in bench/ or tests/real/ knows how a detector is invoked.
"""

import dataclasses
import os
import shutil
import subprocess


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    compiler: str  # gcc or clang-19: variants of one compiler are compared with each other
    tool: str  # native, tsan, ravel or helgrind
    cc: str
    env: dict = dataclasses.field(default_factory=dict)
    prefix: tuple = ()

    def environment(self, log=None):
        """The environment to build and run in. With log, findings go to files of that name and leave exit codes alone."""
        return {**os.environ, **self.env, **(self.logging(log) if log else {})}

    def logging(self, log):
        if self.tool == "ravel":
            return {"RAVEL_OPTIONS": f"exitcode=0:report_format=json:log_path={log}"}
        return {"TSAN_OPTIONS": f"exitcode=0:log_path={log}"} if self.tool == "tsan" else {}


def all_variants(ravel):
    """Every variant, in the order in which tables show them; ravel is the path of the `ravel` command."""
    made = []
    for compiler in ("gcc", "clang-19"):
        short = compiler.split("-")[0]
        made += [
            Variant(f"native-{short}", compiler, "native", compiler),
            Variant(f"tsan-{short}", compiler, "tsan", f"{compiler} -fsanitize=thread"),
            Variant(f"ravel-{short}", compiler, "ravel", f"{ravel} cc", {"RAVEL_CC": compiler}),
        ]
    helgrind = ("valgrind", "--tool=helgrind", "-q", "--error-exitcode=66")
    return made + [Variant("helgrind", "gcc", "helgrind", "gcc", {}, helgrind)]


def missing(variant):
    """Why this variant cannot be used on this machine, or None."""
    for command in (variant.compiler, variant.cc.split()[0], *variant.prefix[:1]):
        if shutil.which(command) is None:
            return f"{command} is not there"
    return None


def version(compiler):
    out = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    return out.splitlines()[0]
