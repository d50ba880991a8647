"""What a detector found, read from its logs, and the explanations that findings.md has for true findings.

findings.md has one section for each explained finding, "## PROGRAM: TITLE", some text, and a list of what it covers:
`- fingerprint X`, `- function X` (one side's innermost function), `- among X Y Z` (the innermost functions of both
sides), or `- global X` (the object raced on), the names in backquotes. A race with many faces (every reader of one
unprotected global) is one explanation that names the global.
"""

import collections
import dataclasses
import json
import re


@dataclasses.dataclass(frozen=True)
class Finding:
    fingerprint: str
    title: str
    functions: tuple  # the innermost of each side, sorted
    places: tuple  # file:line of the same, sorted
    object: str  # a global's name, or ""

    def describe(self):
        on = f", on {self.object}" if self.object else ""
        return f"{self.title}: {' and '.join(f'{f} ({p})' for f, p in zip(self.functions, self.places))}{on}"


@dataclasses.dataclass(eq=False)  # each is itself: a key of what it explains
class Explanation:
    program: str
    title: str
    text: str
    covers: set  # of (kind, names)

    def explains(self, finding):
        mine = {("fingerprint", (finding.fingerprint,)), ("global", (finding.object,))}
        mine |= {("function", (f,)) for f in finding.functions}
        among = (set(names) for kind, names in self.covers if kind == "among")
        return bool(self.covers & mine) or any(finding.functions and set(finding.functions) <= a for a in among)


def read_explanations(path):
    made = []
    for section in re.split(r"^## ", path.read_text(), flags=re.M)[1:]:
        head, _, body = section.partition("\n")
        program, _, title = head.partition(": ")
        listed = re.findall(r"^- (fingerprint|function|among|global) (.*)$", body, re.M)
        covers = {(kind, tuple(re.findall(r"`([^`]+)`", names))) for kind, names in listed}
        text = re.sub(r"^- .*\n?", "", body, flags=re.M).strip()
        made.append(Explanation(program, title, text, covers))
    return made


def explanation_of(finding, program, explanations):
    return next((e for e in explanations if e.program == program and e.explains(finding)), None)


# ---- Ravel's JSON lines --------------------------------------------------------------------------------------


def own_frame(stack, ours):
    """The innermost frame of the program itself: what memcpy or free was called for, not the C library."""
    return next((f for f in stack if f.get("file", "").startswith(ours)), stack[0] if stack else {})


def of_report(report, ours):
    stacks = [s["stack"] for s in report.get("sides", [])] or [e["to_stack"] for e in report.get("edges", [])]
    frames = sorted(
        (f.get("function", "?"), f"{f.get('file', '?').removeprefix(ours)}:{f.get('line', 0)}")
        for f in (own_frame(s, ours) for s in stacks)
    )
    name = report.get("location", {}).get("name", "")
    return Finding(report["fingerprint"], report["title"], tuple(f for f, _ in frames), tuple(p for _, p in frames), name)


def read_ravel(files, ours):
    found = collections.Counter()
    for file in files:
        for line in file.read_text(errors="replace").splitlines():
            entry = json.loads(line)
            if entry.get("type") == "report":
                found[of_report(entry, ours)] += 1
    return found


# ---- ThreadSanitizer's text, the yardstick -------------------------------------------------------------------


def of_text(block, ours):
    title = re.search(r"WARNING: ThreadSanitizer: (.*) \(pid", block).group(1)
    stacks = re.findall(r"^  \S.*(?:of size|acquired here).*:\n((?:    #.*\n)+)", block, re.M)
    frames = []
    for stack in stacks[:2]:
        lines = re.findall(r"#\d+ (\S+) (\S+?)(?::(\d+))?(?::\d+)? \(", stack)
        own = next((l for l in lines if l[1].startswith(ours)), lines[0] if lines else ("?", "?", "0"))
        frames.append((own[0], f"{own[1].removeprefix(ours)}:{own[2] or 0}"))
    frames.sort()
    name = re.search(r"Location is global '([^']+)'", block)
    functions, places = tuple(f for f, _ in frames), tuple(p for _, p in frames)
    return Finding(" ".join(places), title, functions, places, name.group(1) if name else "")


def read_tsan(files, ours):
    found = collections.Counter()
    for file in files:
        for block in file.read_text(errors="replace").split("==================\n"):
            if block.startswith("WARNING: ThreadSanitizer"):
                found[of_text(block, ours)] += 1
    return found
