// detector/owner.h: which strand may change the cells of a shadow page by plain stores.
//
// A compare-and-swap costs 7 ns, a store under one, and most pages are touched by one strand for a long time. So a page
// belongs to the strand that touched it first, and it alone changes the page's cells, by plain stores; another strand
// takes the page over before it touches it, or makes it shared, and then everybody changes its cells by compare-and-swap.
//     NONE -> owner (by compare-and-swap) -> PENDING taker -> taker, or SHARED.   SHARED stays until the page is given back.
// Why no store is lost. An owner's window is a section (strand.h) in which it reads the owner word, finds itself, reads a
// cell and stores it. A taker
//     (1) makes the word PENDING;  (2) calls membarrier;  (3) waits until the former owner is seen in no window.
// membarrier puts a full fence into the owner somewhere between its instructions. If the owner had read the word before
// it, its mark of being in a section is visible in (3), and its stores are when that mark is gone (release in det_leave,
// acquire in (3)). If not, it reads PENDING, and does not store. So between two owners, and between the last owner and
// compare-and-swap, no store of the one is in flight when the other begins.
// An owner that does not leave its section for a second is waited for no longer; what that may miss is counted as given up.
// Who waits in (3), or for a PENDING page, is in no window itself (DET_WAITING), so no two strands wait for each other. It
// holds no lock that another may wait for inside a section: atomics, which do, make their pages shared before they lock.
// What may wait costs something: a strand pays for a page that it takes with accesses that it made by plain stores, and
// when it cannot pay, the page becomes shared. So two strands that take turns on a page stop taking it from each other.
// An owner is a carrier (strand.h): a thread, whichever strand it carries. It carries one at a time, and a strand is in no
// window when it is set down. (3) looks at the strand that is carried then: one that is taken up later reads PENDING.
//
// Like biased locks (Kawachiya, Koseki, Onodera, OOPSLA 2002), with membarrier in the place of the handshake.
#ifndef DETECTOR_OWNER_H
#define DETECTOR_OWNER_H

#include "detector/shadow.h"
#include "detector/strand.h"

enum { DET_OWNER_NONE = 0, DET_OWNER_SHARED = 1, DET_OWNER_FIRST = 2 }; // owners' tags are from FIRST on
#define DET_OWNER_PENDING 0x80000000u

// s, in a section and holding no lock, is about to change cells of the page. True: by plain stores, until the section
// ends or it asks for another page; false: by compare-and-swap.
bool det_page_open_slow(struct det_strand *s, const struct det_chunk *c, uintptr_t page);
ALWAYS_INLINE bool det_page_open(struct det_strand *s, const struct det_chunk *c, uintptr_t page)
{
    const uint32_t owner = base_load_relaxed(&c->owner[page]); // relaxed: see the argument above
    if (likely(owner == s->tag)) return true;
    if (owner == DET_OWNER_SHARED) return false;
    return det_page_open_slow(s, c, page);
}
// The pages of [addr, addr + size) become shared, so that det_page_open does not wait there. As for det_page_open.
void det_pages_share(struct det_strand *s, uintptr_t addr, size_t size);
// Gives a new carrier its tag; one that is used again keeps it, and the pages with it.
void det_owner_join(struct det_carrier *c);

#endif
