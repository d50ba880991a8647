// detector/print.h: from a finding to what a person or a program reads.
//
// The way of a report: det_report_print (report.c) merges it with what was already reported; a new one is symbolised
// (symbolize.c), hinted and fingerprinted (report.c), then written by print_text.c or print_json.c with one write(2).
// Everything here runs outside the detector's locks, on the strand that made the finding, which is marked as
// inside the detector. One report at a time: report.c's lock.
#ifndef DETECTOR_PRINT_H
#define DETECTOR_PRINT_H

#include "detector/report.h"

// ---- for instrument/ -----------------------------------------------------------------------------------------

// Opens log_path and, in JSON, writes the process line. Once, after the options were parsed, before any thread.
void det_report_start(void);
// Takes a finding. True when it is a new bug and was printed (halt_on_error may then end the program).
bool det_report_print(struct det_report *r);
// The end of the process: the summary. Returns how many distinct bugs were reported. Further calls only return that.
int det_report_finish(void);
// The child of a fork starts its own log, symboliser and count. Called in the child before it can make a finding.
void det_report_forked(void);

#endif
