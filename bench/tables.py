"""Tables of ratios from medians, as aligned text that is also Markdown."""

import costs


def ratio(a, b):
    return a / b if a is not None and b else None


class Results:
    """Median costs by program and variant."""

    def __init__(self, variants):
        self.variants = variants
        self.medians = {}  # (program, variant name) -> Cost
        self.programs = []

    def add(self, program, variant, cost):
        if program not in self.programs:
            self.programs.append(program)
        self.medians[program, variant.name] = cost

    def value(self, program, variant_name, what):
        cost = self.medians.get((program, variant_name))
        return None if cost is None else getattr(cost, what)

    def against_native(self, program, variant, what):
        native = f"native-{variant.compiler.split('-')[0]}"
        return ratio(self.value(program, variant.name, what), self.value(program, native, what))

    def against_tsan(self, program, variant, what):
        tsan = f"tsan-{variant.compiler.split('-')[0]}"
        return ratio(self.value(program, variant.name, what), self.value(program, tsan, what))

    def columns(self, what):
        """(heading, function from program to number, digits, has a geometric mean) of each column."""
        cols = []
        unit, scale, digits = ("s", 1, 3) if what == "cpu" else ("MiB", 1024, 1)
        for v in self.variants:
            if v.tool == "native" or what == "rss_kib":
                cols.append((f"{v.name} {unit}", lambda p, v=v: ratio(self.value(p, v.name, what), scale), digits, False))
        for v in self.variants:
            if v.tool != "native":
                cols.append((f"{v.name} x", lambda p, v=v: self.against_native(p, v, what), 1, True))
        for v in self.variants:
            if v.tool == "ravel" and f"tsan-{v.compiler.split('-')[0]}" in [o.name for o in self.variants]:
                cols.append((f"{v.name} / tsan", lambda p, v=v: self.against_tsan(p, v, what), 2, True))
        return cols

    def table(self, what):
        cols = self.columns(what)
        rows = [["program"] + [c[0] for c in cols]]
        rows += [[p] + [show(f(p), digits) for _, f, digits, _ in cols] for p in self.programs]
        means = [show(costs.geometric_mean(known(map(f, self.programs))), d) if mean else "" for _, f, d, mean in cols]
        return markdown(rows + [["**geometric mean**"] + means])

    def summary(self, what):
        """Geometric means by column heading, for JSON and for the goals."""
        return {head: costs.geometric_mean(known(map(f, self.programs))) for head, f, _, mean in self.columns(what) if mean}

    def worst(self, variant, what):
        """(program, ratio) where the variant compares worst with ThreadSanitizer."""
        found = [(self.against_tsan(p, variant, what), p) for p in self.programs]
        found = [f for f in found if f[0] is not None]
        return max(found)[::-1] if found else None


def known(values):
    return [v for v in values if v is not None]


def show(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def markdown(rows):
    """rows[0] is the heading; numbers are set to the right."""
    width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]

    def line(row):
        cells = [row[0].ljust(width[0])] + [c.rjust(w) for c, w in zip(row[1:], width[1:])]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join(["-" * (width[0] + 2)] + ["-" * (w + 1) + ":" for w in width[1:]]) + "|"
    return "\n".join([line(rows[0]), rule] + [line(r) for r in rows[1:]])
