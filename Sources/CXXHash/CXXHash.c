/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "CXXHash.h"

cxxhash_state *cxxhash_create(void) { return (cxxhash_state *)XXH3_createState(); }
void cxxhash_free(cxxhash_state *state) { XXH3_freeState((XXH3_state_t *)state); }
void cxxhash_reset(cxxhash_state *state, uint64_t seed) { XXH3_64bits_reset_withSeed((XXH3_state_t *)state, seed); }
void cxxhash_update(cxxhash_state *state, const void *bytes, size_t count) {
    XXH3_64bits_update((XXH3_state_t *)state, bytes, count);
}
uint64_t cxxhash_digest(const cxxhash_state *state) { return XXH3_64bits_digest((const XXH3_state_t *)state); }
uint64_t cxxhash_once(const void *bytes, size_t count, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}
