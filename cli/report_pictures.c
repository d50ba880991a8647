// report_pictures.c: two pictures of a report, as inline SVG: the timeline of a race, the graph of a lock-order inversion.
//
// Both are drawn for a width of 340, which is about a phone's: they are shown at that size or somewhat larger, so
// that their letters stay readable. Colours come from the page's style sheet by class.
#include "cli/html.h"
#include "cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// The text cut to so many characters: the end of it where from_end, which is the telling part of a path.
static const char *cut(const char *text, size_t most, bool from_end)
{
    size_t n = 0;
    for (const char *p = text; *p; p++) n += (*p & 0xc0) != 0x80;
    if (n <= most) return text;
    const char *p = text;
    for (size_t skip = from_end ? n - most + 1 : most - 1; skip; skip--)
        for (p++; (*p & 0xc0) == 0x80;) p++;
    return from_end ? cli_scratch("…%s", p) : cli_scratch("%.*s…", (int)(p - text), text);
}
static const char *frame_text(const json_object *frame, const struct cli_report_options *o)
{
    const char *const function = cli_json_text(frame, "function"), *const file = cli_json_text(frame, "file");
    const int64_t line = cli_json_int(frame, "line", 0);
    if (!file) return function ? function : cli_say_frame(frame, o);
    const char *const slash = strrchr(file, '/');
    return cli_scratch("%s:%" PRId64, slash ? slash + 1 : file, line);
}
static const struct cli_stack *find(const struct cli_stack *v, size_t n, enum cli_stack_role role, size_t of)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].role == role && v[i].of == of) return &v[i];
    return NULL;
}

// ---- the timeline ------------------------------------------------------------------------------------------------
//
// Time runs downwards. A lane per side; the one that came later, side 0, on the left as its stack is.

enum { WIDTH = 340, MIDDLE = WIDTH / 2, LANE_0 = 85, LANE_1 = 255, LABEL = 23, STEP = 64 };

struct lane {
    int x;
    int64_t strand, parent;
    const struct cli_stack *made, *sync, *access;
    const json_object *side;
    int made_y, sync_y, access_y;
    bool finished;
};
struct timeline {
    FILE *out;
    const json_object *report;
    const struct cli_report_options *o;
    struct lane lane[2];
    int height;
};

static void label(FILE *out, int x, int y, const char *bold, const char *where)
{
    // The lane is hidden behind the words.
    cli_html(out, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"%d\" class=\"pg\"/>", x - 5, y - 11, where ? 30 : 15);
    cli_html(out, "<text x=\"%d\" y=\"%d\" class=\"pl\"><tspan class=\"pb\">%s</tspan>", x, y, cut(bold, LABEL, false));
    if (where) cli_html(out, "<tspan x=\"%d\" dy=\"15\" class=\"pm\">%s</tspan>", x, cut(where, LABEL, true));
    cli_html(out, "</text>\n");
}
static const struct cli_stack *made_of(const struct cli_stack *v, size_t n, int64_t strand)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].role == CLI_STRAND_MADE && v[i].strand == strand) return &v[i];
    return NULL;
}
static bool lane_of(struct timeline *t, size_t i, const struct cli_stack *v, size_t n)
{
    struct lane *const l = &t->lane[i];
    l->access = find(v, n, CLI_SIDE, i);
    if (!l->access) return false;
    l->x = i ? LANE_1 : LANE_0;
    l->strand = l->access->strand;
    l->side = cli_json_at(t->report, "sides", i);
    l->sync = find(v, n, CLI_SYNC, i);
    l->made = made_of(v, n, l->strand);
    const json_object *const strand = cli_json_by_id(t->report, "strands", l->strand);
    l->parent = cli_json_int(strand, "parent", -1);
    l->finished = strand && !cli_json_bool(strand, "running");
    return true;
}
static void place_lanes(struct timeline *t)
{
    struct lane *const a = &t->lane[0], *const b = &t->lane[1];
    const bool both = a->made && b->made;
    int y = 92;
    a->made_y = b->made_y = y;
    if (both && a->strand != b->strand) (a->strand > b->strand ? a : b)->made_y += 44; // numbered as they were created
    if (a->made || b->made) y += both ? 44 + STEP : STEP;
    a->sync_y = b->sync_y = y;
    if (a->sync || b->sync) y += STEP;
    b->access_y = y;
    a->access_y = y + 84;
    t->height = a->access_y + 66;
}

static void arrow_to(FILE *out, int x0, int y0, int x1, int y1)
{
    const int d = x1 > x0 ? -9 : 9;
    cli_html(out, "<path d=\"M%d %dL%d %d\" class=\"pe\"/>", x0, y0, x1 + d, y1);
    cli_html(out, "<path d=\"M%d %dl%d -4.5v9z\" class=\"pf\"/>\n", x1 + d + (d > 0 ? -4 : 4), y1, d > 0 ? 7 : -7);
}
// Creation is an order that does exist: from the other lane, or from a third strand in the middle.
static void put_births(const struct timeline *t)
{
    const struct lane *const a = &t->lane[0], *const b = &t->lane[1];
    const bool third = (a->made && a->parent != b->strand) || (b->made && b->parent != a->strand);
    if (third) {
        const int64_t parent = a->made && a->parent != b->strand ? a->parent : b->parent;
        const int end = a->made_y > b->made_y ? a->made_y : b->made_y;
        cli_html(t->out, "<path d=\"M%d 34V%d\" class=\"p3\"/>", MIDDLE, end + 10);
        cli_html(t->out, "<text x=\"%d\" y=\"25\" class=\"pl ps\">%s</text>\n", MIDDLE,
                 cut(cli_say_strand(t->report, parent), 16, false));
    }
    for (int i = 0; i < 2; i++) {
        const struct lane *const l = &t->lane[i], *const other = &t->lane[!i];
        if (l->made) arrow_to(t->out, l->parent == other->strand ? other->x : MIDDLE, l->made_y, l->x, l->made_y);
    }
}
static void put_lane(const struct timeline *t, int i)
{
    const struct lane *const l = &t->lane[i];
    const int top = l->made ? l->made_y : 40, end = t->height - (l->finished ? 14 : 4);
    const char c = i ? 'b' : 'a';
    cli_html(t->out, "<g class=\"l%c\"><path d=\"M%d %dV%d\" class=\"pn\"/>", c, l->x, top, end);
    if (l->finished) cli_html(t->out, "<path d=\"M%d %dh20\" class=\"pn\"/>", l->x - 10, end);
    cli_html(t->out, "<text x=\"%d\" y=\"25\" class=\"pl ph\">%s</text>\n", l->x,
             cut(cli_say_strand(t->report, l->strand), 20, false));
    if (l->made) {
        const json_object *const frame = cli_frame_with_file(l->made);
        cli_html(t->out, "<circle cx=\"%d\" cy=\"%d\" r=\"5\" class=\"po\"/>", l->x, l->made_y);
        label(t->out, l->x, l->made_y + 19, "created", frame ? frame_text(frame, t->o) : NULL);
    }
    if (l->sync) {
        const char *const what = cli_json_text(cli_json_object(l->side, "last_sync"), "what");
        const json_object *const frame = cli_frame_with_file(l->sync);
        cli_html(t->out, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" class=\"po\"/>", l->x - 5, l->sync_y - 5);
        label(t->out, l->x, l->sync_y + 19, cli_scratch("last sync: %s", what ? what : "?"),
              frame ? frame_text(frame, t->o) : NULL);
    }
    cli_html(t->out, "</g>\n");
}
static void put_access(const struct timeline *t, int i)
{
    const struct lane *const l = &t->lane[i];
    const json_object *const with_file = cli_frame_with_file(l->access);
    const json_object *const frame = with_file ? with_file : cli_frame(l->access, 0);
    cli_html(t->out, "<g class=\"l%c\"><circle cx=\"%d\" cy=\"%d\" r=\"8\" class=\"pd\"/>", i ? 'b' : 'a', l->x,
             l->access_y);
    label(t->out, l->x, l->access_y + 25, cli_say_access(l->side), frame ? frame_text(frame, t->o) : NULL);
    cli_html(t->out, "</g>\n");
}
static void put_missing_edge(const struct timeline *t)
{
    const struct lane *const a = &t->lane[0], *const b = &t->lane[1];
    // Nearer to the later access, clear of the words under the earlier one.
    const int x = (3 * a->x + 2 * b->x) / 5, y = (3 * a->access_y + 2 * b->access_y) / 5;
    cli_html(t->out, "<path d=\"M%d %dL%d %d\" class=\"px\"/>", b->x - 11, b->access_y + 5, a->x + 11, a->access_y - 5);
    cli_html(t->out, "<rect x=\"%d\" y=\"%d\" width=\"76\" height=\"22\" rx=\"11\" class=\"pq\"/>", x - 38, y - 11);
    cli_html(t->out, "<text x=\"%d\" y=\"%d\" class=\"pl pr\">no order</text>\n", x, y + 4);
}
void cli_html_timeline(FILE *out, const json_object *report, const struct cli_report_options *o)
{
    struct timeline t = {.out = out, .report = report, .o = o};
    size_t n;
    const struct cli_stack *const v = cli_report_stacks(report, &n);
    if (!lane_of(&t, 0, v, n) || !lane_of(&t, 1, v, n)) return;
    place_lanes(&t);
    cli_html(out, "<svg viewBox=\"0 0 %d %d\" class=\"pic\" role=\"img\" aria-label=\"", WIDTH, t.height);
    cli_html(out, "Timeline: %s in %s, then %s in %s. Nothing orders the two.\">\n", cli_say_access(t.lane[1].side),
             cli_say_strand(report, t.lane[1].strand), cli_say_access(t.lane[0].side),
             cli_say_strand(report, t.lane[0].strand));
    for (int i = 0; i < 2; i++) put_lane(&t, i);
    put_births(&t);
    put_missing_edge(&t);
    for (int i = 0; i < 2; i++) put_access(&t, i);
    cli_html(out, "</svg>\n");
}

// ---- the lock graph ----------------------------------------------------------------------------------------------
//
// The locks stand on a circle, in the order of the cycle; an arrow leads from what a strand held to what it then took.

enum { NODES = 10, NODE_HEIGHT = 30 };

struct node {
    double x, y, half; // of its width
    const char *name, *title;
};
struct graph {
    FILE *out;
    const json_object *report;
    const struct cli_report_options *o;
    size_t nodes, edges; // nodes: as drawn; edges: there are in truth
    double width, height, radius;
    struct node node[NODES];
};

static void place_node(struct graph *g, size_t i)
{
    struct node *const x = &g->node[i];
    const bool rest = g->edges > g->nodes && i + 1 == g->nodes;
    const int64_t id = cli_json_int(cli_json_at(g->report, "edges", i), "from", -1);
    const double angle = 2 * M_PI * (double)i / (double)g->nodes - (g->nodes <= 2 ? M_PI : M_PI / 2);
    size_t letters = 0;
    x->title = rest ? cli_scratch("%zu more locks", g->edges - i) : cli_say_lock(g->report, id);
    x->name = cut(x->title, 15, true);
    for (const char *p = x->name; *p; p++) letters += (*p & 0xc0) != 0x80;
    x->half = fmax(30, 4.1 * (double)letters + 12);
    x->x = g->width / 2 + g->radius * cos(angle);
    x->y = g->radius * sin(angle);
}
static void place_nodes(struct graph *g)
{
    const double margin = g->nodes <= 2 ? 75 : 45; // for arrows that bend outwards
    double top = 0, bottom = 0;
    g->radius = g->nodes <= 2 ? 94 : 60 + 17.0 * (double)g->nodes;
    g->width = g->nodes <= 2 ? WIDTH : fmax(WIDTH, 2 * g->radius + 150);
    for (size_t i = 0; i < g->nodes; i++) {
        place_node(g, i);
        top = fmin(top, g->node[i].y);
        bottom = fmax(bottom, g->node[i].y);
    }
    for (size_t i = 0; i < g->nodes; i++) g->node[i].y += margin - top;
    g->height = bottom - top + 2 * margin;
}
// The point where the way from (x, y) to the middle of a node meets its border.
static void border(const struct node *to, double x, double y, double *bx, double *by)
{
    const double dx = x - to->x, dy = y - to->y, w = to->half + 3, h = NODE_HEIGHT / 2.0 + 3;
    const double scale = fmin(fabs(dx) > 1e-9 ? w / fabs(dx) : 1e9, fabs(dy) > 1e-9 ? h / fabs(dy) : 1e9);
    *bx = to->x + dx * scale;
    *by = to->y + dy * scale;
}
static void put_arrow(const struct graph *g, size_t i)
{
    const struct node *const a = &g->node[i], *const b = &g->node[(i + 1) % g->nodes];
    const json_object *const edge = cli_json_at(g->report, "edges", i);
    const double mx = (a->x + b->x) / 2, my = (a->y + b->y) / 2, dx = b->x - a->x, dy = b->y - a->y;
    const double length = fmax(1, hypot(dx, dy)), bend = g->nodes <= 2 ? 78 : 16;
    const double kx = mx + dy / length * bend, ky = my - dx / length * bend; // outwards
    double x0, y0, x1, y1;
    border(a, kx, ky, &x0, &y0);
    border(b, kx, ky, &x1, &y1);
    const double tx = x1 - kx, ty = y1 - ky, tl = fmax(1, hypot(tx, ty)), ux = tx / tl, uy = ty / tl;
    const double lx = (x0 + 2 * kx + x1) / 4, ly = (y0 + 2 * ky + y1) / 4;
    const bool rest = g->edges > g->nodes && i + 1 == g->nodes; // leads out of locks that are not drawn
    const int64_t strand = cli_json_int(edge, "strand", -1);
    fprintf(g->out, "<g><path d=\"M%.1f %.1fQ%.1f %.1f %.1f %.1f\" class=\"pc\"/>", x0, y0, kx, ky, x1 - 8 * ux,
            y1 - 8 * uy);
    fprintf(g->out, "<path d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fz\" class=\"pk\"/>", x1, y1, x1 - 11 * ux - 5 * uy,
            y1 - 11 * uy + 5 * ux, x1 - 11 * ux + 5 * uy, y1 - 11 * uy - 5 * ux);
    fprintf(g->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"44\" height=\"20\" rx=\"10\" class=\"pq\"/>", lx - 22,
            ly - 10);
    fprintf(g->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"pl pr\">", lx, ly + 4);
    cli_html(
        g->out, "%s</text><title>%s</title></g>\n", rest ? "…" : cut(cli_say_strand_short(g->report, strand), 6, false),
        rest ? a->title : cli_scratch("%s held %s and took %s", cli_say_strand(g->report, strand), a->title, b->title));
}
static void put_node(const struct graph *g, size_t i)
{
    const struct node *const x = &g->node[i];
    fprintf(g->out, "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"8\" class=\"pw\"/>",
            x->x - x->half, x->y - NODE_HEIGHT / 2.0, 2 * x->half, NODE_HEIGHT);
    fprintf(g->out, "<text x=\"%.1f\" y=\"%.1f\" class=\"pl pm pb\">", x->x, x->y + 4);
    cli_html(g->out, "%s</text><title>%s</title></g>\n", x->name, x->title);
}
void cli_html_lock_graph(FILE *out, const json_object *report, const struct cli_report_options *o)
{
    struct graph g = {.out = out, .report = report, .o = o, .edges = cli_json_length(report, "edges")};
    if (g.edges < 2) return;
    g.nodes = g.edges < NODES ? g.edges : NODES;
    place_nodes(&g);
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" class=\"pic%s\" role=\"img\" aria-label=\"", g.width, g.height,
            g.width > WIDTH + 60 ? " wide" : "");
    cli_html(out, "Lock graph: a cycle of %zu locks:", g.edges);
    for (size_t i = 0; i < g.nodes; i++) cli_html(out, " %s,", g.node[i].title);
    cli_html(out, " and back to %s.\">\n", g.node[0].title);
    for (size_t i = 0; i < g.nodes; i++) put_arrow(&g, i);
    for (size_t i = 0; i < g.nodes; i++) put_node(&g, i);
    cli_html(out, "</svg>\n");
}
