// base/hash.h: uthash on our own memory. Include this, never <uthash.h>.
// uthash looks things up by content; whoever owns a table guards it.
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/arena.h"

#define uthash_malloc(bytes)      base_alloc(bytes)
#define uthash_free(block, bytes) base_free(block, bytes)
#define uthash_fatal(what)        ((void)0) // base_alloc never returns NULL
#define HASH_FUNCTION(key, length, result)                                                                             \
    do (result) = (unsigned)base_hash((key), (length));                                                                \
    while (0)

// A 64-bit hash of some bytes: FNV-1a with a final mix. Stable: fingerprints in reports are made of it.
static inline uint64_t base_hash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

#include <uthash.h>

#endif
