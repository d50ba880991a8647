"""The real programs: what each needs, how it is built, unmodified, and what it is made to do.

Shared by tests/real/run (their own test suites and bounded loads, under Ravel) and bench/run --real (what these loads
cost). Each is built in place, in a copy of its Debian source package, with CC= and nothing else said about detectors.
"""

import dataclasses
import os
import pathlib
import random
import shutil

import load

FLAGS = "-O2 -g"


@dataclasses.dataclass(frozen=True)
class Step:
    """One command; words may name {source}, {input} and {scratch}. It must end with 0 within the time."""

    title: str
    command: tuple
    seconds: int = 900
    inside: str = "."  # directory below the source tree


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    package: str  # Debian source package
    needs: tuple  # Debian packages
    build: tuple  # Steps; {cc} and {flags} are the compiler and what to compile with
    checks: tuple  # Steps
    long_checks: tuple = ()
    loads: tuple = ()  # functions (where) -> command, see Load
    remark: str = ""


def shell(title, text, seconds=900, inside="."):
    return Step(title, ("sh", "-ec", text), seconds, inside)


def round_trip(program, compress, decompress, more=""):
    """Two threads compress the input; a second run must give it back."""
    text = f"{program} {compress} < {{input}} > {{scratch}}/packed; {program} {decompress} < {{scratch}}/packed | cmp - {{input}}"
    return shell(f"round trip {compress}", text + more)


ZSTD = "{source}/programs/zstd"
XZ = "{source}/src/xz/xz"
LBZIP2 = "{source}/src/lbzip2"
MEMCACHED = "{source}/memcached-debug"
HERE = pathlib.Path(__file__).resolve().parent
# The part of memcached's suite that tests the server's threads (caches, queues, maintenance) and is short.
MEMCACHED_TESTS = """binary-get cas chunked-items flags getset incrdecr lru metaget multiversioning noreply
    stats touch unixsocket""".split()


def client(*arguments):
    """A load on the server, from a process of its own; fails unless the server ends well when told to."""
    return ("python3", str(HERE / "load.py"), MEMCACHED, "{scratch}/socket", *arguments)


PROGRAMS = (
    Program(
        "zstd",
        "libzstd",
        ("gcc", "make"),
        (
            shell("build the command", "make -j2 -C programs zstd CC='{cc}' MOREFLAGS=-g"),
            shell("build the tests", "make -j2 -C tests poolTests zstreamtest datagen CC='{cc}' MOREFLAGS=-g"),
        ),
        (
            Step("thread pool tests", ("./poolTests",), inside="tests"),
            Step("stream fuzzer, 30 rounds, multi-threaded", ("./zstreamtest", "--newapi", "-i30", "-s4361"), inside="tests"),
            round_trip(ZSTD, "-T2 -3 -c", "-d -c"),
            round_trip(ZSTD, "-T2 -7 -B512KB -c", "-d -c"),
        ),
        (shell("its playTests", "ZSTD_BIN=../programs/zstd DATAGEN_BIN=./datagen ./playTests.sh", 3600, "tests"),),
        (
            ("compress", (ZSTD, "-T2", "-6", "-c", "{input}")),
            ("test", (ZSTD, "-T2", "-t", "{packed}")),
        ),
    ),
    Program(
        "xz",
        "xz-utils",
        ("gcc", "make"),
        (
            shell("configure", "./configure CC='{cc}' CFLAGS='{flags}'"),
            shell("make", "make -j2"),
        ),
        (
            shell("make check", "make check", 3600),
            round_trip(XZ, "-T2 -3 --block-size=256KiB -c", "-d -T2 -c"),
        ),
        (),
        (
            ("compress", (XZ, "-T2", "-1", "--block-size=512KiB", "-c", "{input}")),
            ("test", (XZ, "-T2", "-t", "{packed}")),
        ),
    ),
    Program(
        "lbzip2",
        "lbzip2",
        ("gcc", "make"),
        (
            shell("configure", "./configure CC='{cc}' CFLAGS='{flags}' CPPFLAGS=-D_IO_ftrylockfile"),
            shell("make", "make -j2"),
        ),
        (
            shell("make check", "make check"),
            round_trip(LBZIP2, "-n2 -1 -c", "-d -n2 -c"),
        ),
        (),
        (
            ("compress", (LBZIP2, "-n2", "-1", "-k", "-c", "{input}")),
            ("test", (LBZIP2, "-n2", "-t", "{packed}")),
        ),
        "CPPFLAGS=-D_IO_ftrylockfile tells its old Gnulib which C library this is, as Debian's patch does.",
    ),
    Program(
        "memcached",
        "memcached",
        ("gcc", "make", "libevent-dev", "libio-socket-ssl-perl"),
        (
            shell("configure", "./configure --disable-coverage CC='{cc}' CFLAGS='{flags}'"),
            shell("make", "make -j2"),
        ),
        (
            Step("part of its own suite", ("prove", *(f"t/{t}.t" for t in MEMCACHED_TESTS)), 3600),
            Step("load: 4 threads, 4 connections", client("4", "4", "60")),
        ),
        (Step("all of its own suite", ("prove", "t"), 7200),),
    ),
)


def by_name(name):
    return next(p for p in PROGRAMS if p.name == name)


def fill(words, **names):
    """The command with its {names} filled in; shell text keeps its other braces."""
    def one(word):
        for key, value in names.items():
            word = word.replace("{" + key + "}", str(value))
        return word

    return [one(w) for w in words]


def make_input(path, mib=3):
    """A file that compresses neither too well nor too badly: text over a small vocabulary, tables, and some noise."""
    if path.exists():
        return path
    r = random.Random(20)
    words = ["".join(r.choices("etaoinshrdlu", k=r.randint(2, 9))) for _ in range(4000)]
    parts = []
    size = 0
    while size < mib << 20:
        kind = r.random()
        if kind < 0.8:
            part = " ".join(r.choices(words, k=2000)).encode()
        elif kind < 0.95:
            part = b"".join(r.randint(0, 300).to_bytes(4, "little") for _ in range(4000))
        else:
            part = r.randbytes(8000)
        parts.append(part)
        size += len(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts)[: mib << 20])
    return path
