// generate.h: makes random legal streams. A seed makes the same stream everywhere and always.
#ifndef ORACLE_GENERATE_H
#define ORACLE_GENERATE_H

#include "stream.h"

void generate(uint64_t seed, struct stream *s);

#endif
