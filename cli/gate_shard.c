// gate_shard.c: which tests are this shard's (--shard I/N).
#include "cli/gate.h"

void gate_shard_select(struct gate *g) { (void)g; }
