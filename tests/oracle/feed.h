// feed.h: gives a stream to the detector, and keeps what its sink was given, in the stream's own words.
#ifndef ORACLE_FEED_H
#define ORACLE_FEED_H

#include "detector/report.h"
#include "stream.h"

enum { MAX_FOUND = 4096 }; // findings at one event

struct found_held {
    uintptr_t lock;
    bool read;
};
struct found_side {
    uint16_t strand;
    enum det_kind kind;
    enum det_origin origin;
    uintptr_t addr;
    size_t size;
    uint32_t depth, nheld;
    uintptr_t pc[MAX_DEPTH + 1]; // [0] is the innermost
    struct found_held held[MAX_HELD];
};
struct found_edge {
    uintptr_t from, to;
    bool from_read, to_read;
    uint16_t strand;
};
struct found {
    enum det_report_kind kind;
    uintptr_t addr;
    size_t size;
    struct found_side side[2];
    enum det_cycle_class cycle_class;
    uint32_t nedges;
    struct found_edge edge[MAX_OBJECTS];
};

// A fault put into the feed on purpose: the oracle must notice each of them (the negative tests). It befalls so many
// percent of the events that it can befall, always the same ones of a stream.
#define MUTANTS(X)                                                                                                     \
    X(none, 0)                                                                                                         \
    X(lost_release, 1)                                                                                                 \
    X(lost_acquire, 5)                                                                                                 \
    X(extra_acquire, 50)                                                                                               \
    X(lost_access, 1)                                                                                                  \
    X(short_access, 1)                                                                                                 \
    X(read_for_write, 1)                                                                                               \
    X(atomic_for_plain, 1)                                                                                             \
    X(lost_free, 5)                                                                                                    \
    X(lost_exit, 5)                                                                                                    \
    X(lost_request, 10)                                                                                                \
    X(extra_request, 50)
enum mutant {
#define X(name, percent) MUTANT_##name,
    MUTANTS(X)
#undef X
        MUTANT_COUNT
};
bool mutant_parse(const char *name, enum mutant *out);

// Half of the strands, or all, are light ones, and one carrier or another has them at each event. How a light one's end reaches
// who joins it is what a runtime would do: a release and an acquire.
enum lightness { LIGHT_NONE, LIGHT_HALF, LIGHT_ALL };
extern enum lightness feed_lightness; // from the next feed_begin on

// Starts the detector afresh.
void feed_begin(const struct stream *s, enum mutant mutant);
// Gives it one event. What it found is in *found until the next call. Returns NULL, or what is wrong with an
// answer that the detector gave (not with a finding).
const char *feed(const struct event *e, const struct found **found, uint32_t *nfound);

#endif
