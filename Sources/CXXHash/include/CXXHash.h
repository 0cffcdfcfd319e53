/* SPDX-License-Identifier: Apache-2.0
 * XXH3 (64 bit), compiled into this object: the spool's checksum. The streaming state is over-aligned, which
 * Swift cannot lay out, so it lives behind a pointer. */
#ifndef CXXHASH_H
#define CXXHASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct cxxhash_state cxxhash_state;

cxxhash_state *cxxhash_create(void);
void cxxhash_free(cxxhash_state *state);
void cxxhash_reset(cxxhash_state *state, uint64_t seed);
void cxxhash_update(cxxhash_state *state, const void *bytes, size_t count);
uint64_t cxxhash_digest(const cxxhash_state *state);
uint64_t cxxhash_once(const void *bytes, size_t count, uint64_t seed);

#endif
