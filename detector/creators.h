// creators.h: the strands of a report, and those that created them.
#ifndef DETECTOR_CREATORS_H
#define DETECTOR_CREATORS_H

#include "detector/report.h"

enum { DET_CREATORS_MAX = 16 }; // that a report has room for, beside the strands it is about
// The index of a strand in r->strands, where it is put if it is not there yet. The caller sees to the room.
uint32_t det_report_strand(struct det_report *r, uint32_t id);
// The creators of r's goroutines, and theirs, as far as they are goroutines and are known. room: of r->strands.
void det_report_creators(struct det_report *r, uint32_t room);

#endif
