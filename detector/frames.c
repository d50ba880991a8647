// detector/frames.c: the frames of a stack as they are shown.
// The addresses of a stack are return addresses; the call is the instruction before. Outside of main() lies libc's
// start-up, outside of a thread's function lie libc's own, outside of a goroutine's those of the runtime, whose names begin with
// rv__: nobody wants to see those.
#include "base/flags.h"
#include "detector/modules.h"
#include "detector/print.h"

// Cuts everything up to and including strip_path_prefix.
const char *det_shown_path(const char *path)
{
    const size_t n = base_strlen(base_flags.strip_path_prefix);
    if (!path || !n) return path;
    for (const char *p = path; *p; p++)
        if (base_strncmp(p, base_flags.strip_path_prefix, n) == 0) return p + n;
    return path;
}
static bool begins(const char *s, const char *prefix) { return s && base_strncmp(s, prefix, base_strlen(prefix)) == 0; }
// Is this frame, and all outside of it, no part of the program? What calls constructors is not always at the end.
static bool outside(const struct det_shown *f)
{
    return begins(f->function, "__libc_start") || begins(f->function, "rv__") ||
           (f->function && base_strcmp(f->function, "_start") == 0);
}
// Frames of libc at the outer end call main or a thread's function; their names are often not known.
static bool in_libc(uintptr_t pc)
{
    uintptr_t offset;
    const struct det_module *m = det_modules_find(pc, &offset);
    return m && (begins(m->name, "libc.so") || begins(m->name, "libc-2"));
}
struct det_frames det_frames_of(const struct det_stack *stack)
{
    uint32_t n = stack->n;
    while (n > 1 && in_libc(stack->pc[n - 1] - 1)) n--;
    return (struct det_frames){.stack = stack, .end = n};
}
bool det_frames_next(struct det_frames *i, struct det_shown *out)
{
    if (i->done || i->at >= i->end) return false;
    const struct det_place *const p = det_symbolize_code(i->stack->pc[i->at] - 1);
    *out = (struct det_shown){.place = p};
    if (i->inlined < p->nsyms) {
        const struct det_symbol *const s = &p->sym[i->inlined];
        out->function = s->function;
        out->path = s->file;
        out->file = det_shown_path(s->file);
        out->line = s->line;
        out->column = s->column;
    }
    if (outside(out) && i->at > 0) {
        i->done = true;
        return false;
    }
    out->inlined = i->inlined + 1 < p->nsyms;
    if (out->inlined) {
        i->inlined++;
    } else {
        i->inlined = 0;
        i->at++;
    }
    if (!out->inlined && out->function && base_strcmp(out->function, "main") == 0) i->done = true;
    return true;
}
bool det_frames_top(const struct det_stack *stack, struct det_shown *out)
{
    struct det_frames i = det_frames_of(stack);
    if (!det_frames_next(&i, out)) return false;
    for (struct det_shown f = *out;;)
        if (f.file) {
            *out = f;
            return true;
        } else if (!det_frames_next(&i, &f))
            return true;
}
