// creators.c: the strands of a report, and those that created them. Called in a section of the strand that makes the report.
#include "detector/creators.h"

#include "detector/strand.h"

uint32_t det_report_strand(struct det_report *r, uint32_t id)
{
    for (uint32_t i = 0; i < r->nstrands; i++)
        if (r->strands[i].id == id) return i;
    det_strand_info(id, &r->strands[r->nstrands]);
    return r->nstrands++;
}
// Those that are added are looked at in turn.
void det_report_creators(struct det_report *r, uint32_t room)
{
    for (uint32_t i = 0; i < r->nstrands && r->nstrands < room; i++)
        if (r->strands[i].parent_goid) det_report_strand(r, r->strands[i].parent_id);
}
