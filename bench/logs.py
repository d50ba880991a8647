#!/usr/bin/env python3
"""bench/logs.py: what it costs to read logs: time, processor time and peak memory of `ravel report` and `ravel merge`.

usage: bench/logs.py [RAVEL] [MIB]     (build/bin/ravel, 1024)

Writes two logs to a temporary directory: MIB of 10,000 findings that repeat, as a big test suite leaves them, and one with
10,000 findings once each, which every format is made of. Peak memory is the kernel's, of the process alone.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

FORMATS = ("text", "json", "sarif", "junit", "annotations", "summary", "gitlab", "html")
FINDINGS = 10000


def line(type, pid, **more):
    return json.dumps(dict(type=type, v=1, ravel="0.1.0", pid=pid, process="shop", time="2026-01-31T12:00:00.000Z", **more),
                      separators=(",", ":")) + "\n"


def frames(n):
    return [dict(function="function_%d" % i, file="/src/shop/file_%d.c" % (i % 7), line=10 + i, column=5, module="/src/build/shop",
                 build_id="c6857b3a4c45f61fb1729d598a0b471c712069be", offset=hex(0x4000 + i)) for i in range(n)]


def report(pid, fingerprint, test):
    side = dict(access="write", atomic=False, by="program", address="0x1000", size=8, locks=[], stack=frames(6))
    strands = [dict(id=i, tid=i, running=True, parent=0, created=frames(1)) for i in (1, 2)]
    location = dict(where="global", name="total", address="0x1000", size=8, file="/src/shop/file_1.c", line=3)
    return line("report", pid, test=test, kind="data-race", title="data race", fingerprint=fingerprint,
                hint="guard both with one mutex", address="0x1000", size=8,
                sides=[dict(side, strand=1), dict(side, strand=2)], location=location, strands=strands, locks=[])


def write_log(path, size, findings, per_process):
    """Until it has the size (0: until every finding was written once)."""
    template = report(123456789, "FINGERPRINT", "TEST")
    number = pid = 0
    with open(path, "w") as f:
        while f.tell() < size or (not size and number < findings):
            pid += 1
            f.write(line("process", pid, ppid=1, command=["./shop"], directory="/src"))
            told = ["%016x" % ((number + i) % findings) for i in range(per_process)]
            for fingerprint in told:
                f.write(template.replace("123456789", str(pid)).replace("FINGERPRINT", fingerprint)
                        .replace("TEST", "test_%d" % (pid % 500)))
            number += per_process
            f.write(line("summary", pid, reports=per_process, findings=per_process, suppressed=0, trouble=0, given_up=0,
                         bugs=[dict(fingerprint=x, hits=3, paths=1) for x in told]))


def measure(name, path, *args):
    begin = time.monotonic()
    p = subprocess.Popen(args, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit("%s: exit code %d" % (" ".join(args), p.returncode))
    print("| %-28s | %7.1f | %7.1f | %6.0f | %7.1f |" % (name, time.monotonic() - begin, usage.ru_utime + usage.ru_stime,
                                                        usage.ru_maxrss / 1024, os.path.getsize(path) / 1e6), flush=True)


def main():
    ravel = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin/ravel")
    mib = int(sys.argv[2]) if len(sys.argv) > 2 else 1024
    with tempfile.TemporaryDirectory() as directory:
        large, many, out = (os.path.join(directory, n) for n in ("large", "many", "out"))
        write_log(large, mib << 20, FINDINGS, 50)
        write_log(many, 0, FINDINGS, 50)
        print("| what                         | seconds | cpu s   | peak MiB | out MB |\n|---|--:|--:|--:|--:|")
        measure("%d MiB: json" % mib, out, ravel, "report", large, "-f", "json", "-o", out)
        measure("%d MiB: merge" % mib, out, ravel, "merge", large, "-o", out)
        for format in FORMATS:
            measure("10,000 findings: " + format, out, ravel, "report", many, "-f", format, "-o", out)


if __name__ == "__main__":
    main()
