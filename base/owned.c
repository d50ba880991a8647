// owned.c: a hash table of mappings, by address, without locks: each has its place within REACH of where its address says.
#include "base/owned.h"

#include "base/atomic.h"

struct base_owned base_owned;
enum { REACH = 64 };

static uint32_t place(uintptr_t lo, uint32_t i)
{
    return ((uint32_t)((lo >> 12) * 0x9e3779b97f4a7c15u >> 40) + i) & (BASE_OWNED_MAX - 1);
}
void base_owned_add(const void *p, size_t bytes)
{
    for (uint32_t i = 0; i < REACH; i++) {
        uintptr_t none = 0;
        const uint32_t at = place((uintptr_t)p, i);
        if (!base_cas_relaxed(&base_owned.at[at].lo, &none, (uintptr_t)p)) continue; // relaxed: bytes tells
        base_store_release(&base_owned.at[at].bytes,
                           bytes); // release: lo; pairs with the acquire of who reads the table
        return;
    }
    base_add_relaxed(&base_owned.lost, 1u); // relaxed: a count
}
void base_owned_remove(const void *p)
{
    for (uint32_t i = 0; i < REACH; i++) {
        const uint32_t at = place((uintptr_t)p, i);
        if (base_load_relaxed(&base_owned.at[at].lo) != (uintptr_t)p) continue; // relaxed: who unmaps it knows of it
        base_store_relaxed(&base_owned.at[at].bytes, 0u);
        base_store_release(&base_owned.at[at].lo, 0u); // release: bytes
        return;
    }
}
