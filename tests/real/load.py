#!/usr/bin/env python3
"""A bounded load on memcached: several connections that set, get, count and delete keys which they share.

    load.py SERVER SOCKET THREADS CONNECTIONS BATCHES [PREFIX...]

Starts SERVER (after PREFIX) with so many THREADS on a Unix socket, plays the load, checks every answer's form, tells
the server to stop, and ends with the server's exit code, or 1 when an answer was wrong.
"""

import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

BATCH = 50
KEYS = 500


def start(server, path, threads, prefix=(), environment=None):
    """Starts the server and waits until it answers."""
    pathlib.Path(path).unlink(missing_ok=True)
    command = [*prefix, str(server), "-s", str(path), "-t", str(threads), "-m", "16"]
    if os.geteuid() == 0:
        command += ["-u", "root"]
    process = subprocess.Popen(command, env=environment)
    for _ in range(600):
        try:
            connect(path).close()
            return process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"the server did not start: {process.wait()}")


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(str(path))
    return s


def requests(r):
    """One batch, and the number of lines that answer it at the end of each request."""
    out = []
    for _ in range(BATCH):
        key = f"key{r.randrange(KEYS)}"
        kind = r.random()
        if kind < 0.3:
            value = "v" * r.randrange(1, 400)
            out.append(f"set {key} 0 0 {len(value)}\r\n{value}\r\n")
        elif kind < 0.4:
            out.append(f"delete {key}\r\n")
        elif kind < 0.5:
            out.append(f"touch {key} 100\r\n")
        else:
            out.append(f"get {key}\r\n")
    return "".join(out).encode()


def read_answers(f):
    """Reads as many answers as a batch has requests."""
    for _ in range(BATCH):
        line = f.readline()
        if line.startswith(b"VALUE "):
            size = int(line.split()[3])
            f.read(size + 2)
            line = f.readline()
        if line.strip() not in (b"STORED", b"END", b"DELETED", b"NOT_FOUND", b"TOUCHED"):
            raise RuntimeError(f"unexpected answer: {line!r}")


def converse(path, seed, batches, wrong):
    try:
        r = random.Random(seed)
        with connect(path) as s, s.makefile("rb") as f:
            for _ in range(batches):
                s.sendall(requests(r))
                read_answers(f)
    except Exception as e:  # whatever it was, the load has failed, and the main thread says so
        wrong.append(f"connection {seed}: {e}")


def play(path, connections, batches):
    """Plays the load; returns what went wrong, one line each."""
    wrong = []
    threads = [threading.Thread(target=converse, args=(path, i, batches, wrong)) for i in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return wrong


def stop(process, seconds=60):
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError("the server did not stop") from None


def main():
    server, path, threads, connections, batches, *prefix = sys.argv[1:]
    try:
        process = start(server, path, int(threads), prefix)
        wrong = play(path, int(connections), int(batches))
        code = stop(process)
    except RuntimeError as e:
        sys.exit(f"load.py: {e}")
    for w in wrong:
        print(f"load.py: {w}", file=sys.stderr)
    print(f"{int(connections) * int(batches) * BATCH} requests, {len(wrong)} failed; the server ended with {code}")
    return 1 if wrong else code


if __name__ == "__main__":
    sys.exit(main())
