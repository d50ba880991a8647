// detector/common.h: what all strands that live know.
#ifndef DETECTOR_COMMON_H
#define DETECTOR_COMMON_H

#include <stdint.h>

// common[slot] becomes the least time of the slot that every live strand knows, or will know before it does anything; the
// slots in nobody's clock keep the 0 that they come with. World stopped.
void det_common_compute(uint32_t *common, uint32_t nslots);

#endif
