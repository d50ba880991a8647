# ravel-gdb.py: goroutines in gdb, of a live process and of a core file. Load it with `source ravel-gdb.py`.
#
#     info goroutines         each one's number, state, name, and where it is
#     goroutine 7 bt          gdb's bt on goroutine 7; other commands of frames (info locals, up, p) likewise
#     goroutine all bt        on all of them
#
# A goroutine that runs is looked at in its thread. One that is parked has stack pointer, frame pointer and pc in its
# struct rv__g: an unwinder, on only while a command runs, says that the innermost frame of the selected thread was called from
# there. So no register is written, which a core file would not allow, and gdb's own unwinding does the rest.
import re

import gdb
import gdb.unwinder

REGISTERS = {"i386:x86-64": ("rsp", "rbp", "rip"), "aarch64": ("sp", "x29", "pc")}


def registers():
    return REGISTERS[gdb.selected_inferior().architecture().name()]


class Parked(gdb.unwinder.Unwinder):
    """Leads from the innermost frame of the selected thread to a parked goroutine."""

    def __init__(self):
        super().__init__("ravel-goroutine")
        self.enabled = True
        self.context = self.here = None

    def enter(self, context):
        names = registers()
        frame = gdb.newest_frame()
        self.here = (int(frame.read_register(names[0])), frame.pc())
        self.context = [int(context[part]) for part in ("sp", "fp", "pc")]
        gdb.invalidate_cached_frames()

    def leave(self):
        self.context = None
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if self.context is None:
            return None
        names = registers()
        at = (int(pending.read_register(names[0])), int(pending.read_register(names[2])))
        if at != self.here:
            return None
        # Below the goroutine's frame: gdb does not believe in a caller that lies further in than what it called.
        info = pending.create_unwind_info(FrameId(word(self.context[0] - 1024), word(at[1])))
        for name, value in zip(names, self.context):
            info.add_saved_register(name, word(value))
        return info


def word(value):
    return gdb.Value(value).cast(gdb.lookup_type("unsigned long"))


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


parked = Parked()
gdb.unwinder.register_unwinder(None, parked, replace=True)


def constant(name):
    return int(gdb.parse_and_eval(name))


class Goroutine:
    def __init__(self, g):
        self.g = g
        self.id = int(g["id"])
        self.state = int(g["state"])

    def name(self):
        return self.g["extra"]["name"].string() if int(self.g["extra"]) else ""

    def state_text(self):
        why = int(self.g["why"])
        if self.state == constant("RV__WAITING") and why:
            return gdb.parse_and_eval("rv__why_text")[why].string()
        return {"RV__WAITING": "waiting", "RV__RUNNABLE": "runnable", "RV__RUNNING": "running", "RV__SYSCALL": "syscall",
                "RV__PREEMPTED": "preempted"}.get(str(self.g["state"].cast(gdb.lookup_type("enum rv__state"))), "dead")

    def thread(self):
        """The thread that carries it, if one does."""
        for m in (self.g["m"], self.g["locked"]):
            if int(m) and int(m["g"]) == int(self.g.address):
                for t in gdb.selected_inferior().threads():
                    if t.ptid[1] == int(m["tid"]):
                        return t
        return None

    def has_run(self):
        start = gdb.parse_and_eval("(unsigned long)&rv__start")
        return int(self.g["context"]["pc"]) not in (0, int(start))

    def run(self, action):
        """Calls action with its innermost frame selected; the number of that frame is passed. None: it has no frames yet."""
        thread, before = self.thread(), gdb.selected_thread()
        try:
            if thread:
                thread.switch()
                gdb.newest_frame().select()
                return action(0)
            if not self.has_run():
                return None
            parked.enter(self.g["context"])
            frame = gdb.newest_frame().older()
            if frame is None:
                return None
            frame.select()
            return action(1)
        finally:
            parked.leave()
            if thread and before.is_valid():
                before.switch()

    def entry(self):
        return str(self.g["fn"]).split(" ", 1)[-1]

    def place(self):
        """Where the program's own code called the runtime; or the innermost frame, if it does not wait there."""

        def find(_):
            frame = shown = gdb.selected_frame()
            for _ in range(15):
                name = frame.name() or ""
                if name == "rv__main" or frame.older() is None:
                    break
                if name.startswith("rv_"):
                    shown = frame.older()
                if name.startswith("rv_") and not name.startswith("rv__"):
                    break
                frame = frame.older()
            sal = shown.find_sal()
            where = "%s:%d" % (sal.symtab.filename, sal.line) if sal.symtab else "0x%x" % shown.pc()
            return "%s () at %s" % (shown.name() or "??", where)

        return self.run(find) or "%s, not begun" % self.entry()

    def execute(self, command):
        def act(first):
            text = gdb.execute(command, to_string=True)
            return renumber(text, first) if re.match(r"(bt|backtrace|where)\b", command) else text

        text = self.run(act)
        return "has not begun: %s\n" % self.entry() if text is None else text


def renumber(text, first):
    """A backtrace without the thread's own frame."""
    if first == 0:
        return text
    text = re.sub(r"\A#0 .*?^(?=#1 )", "", text, flags=re.S | re.M)
    return re.sub(r"^#(\d+)( *)", lambda m: "#%-*d" % (len(m.group(0)) - 1, int(m.group(1)) - 1), text, flags=re.M)


def goroutines():
    found = []
    block = gdb.parse_and_eval("rv__g_blocks")
    while int(block):
        gs = block["gs"]
        for i in range(int(block["n"])):
            if int(gs[i]["state"]):
                found.append(Goroutine(gs[i]))
        block = block["next"]
    return sorted(found, key=lambda g: g.id)


class InfoGoroutines(gdb.Command):
    """All goroutines: number, state, name, and where each is."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for g in goroutines():
            name = ' "%s"' % g.name() if g.name() else ""
            print("%s %4d%s [%s]  %s" % ("*" if g.thread() else " ", g.id, name, g.state_text(), g.place()))


class OnGoroutine(gdb.Command):
    """goroutine N COMMAND, goroutine all COMMAND: a command about frames (bt), on a goroutine."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 1)
        if len(words) != 2 or not (words[0] == "all" or words[0].isdigit()):
            raise gdb.GdbError("goroutine N COMMAND or goroutine all COMMAND, as in: goroutine 7 bt")
        chosen = [g for g in goroutines() if words[0] in ("all", str(g.id))]
        if not chosen and words[0] != "all":
            raise gdb.GdbError("there is no goroutine %s" % words[0])
        for g in chosen:
            if words[0] == "all":
                name = ' "%s"' % g.name() if g.name() else ""
                print("goroutine %d%s [%s]:" % (g.id, name, g.state_text()))
            print(g.execute(words[1]), end="\n" if words[0] == "all" else "")


InfoGoroutines()
OnGoroutine()
