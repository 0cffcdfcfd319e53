/* SPDX-License-Identifier: Apache-2.0
 * What the files of the shim share; no part of its interface. */
#ifndef CTPM_SHIM_H
#define CTPM_SHIM_H

#include "ctpm.h"

#include <stddef.h>
#include <tss2/tss2_esys.h>

#define OK TSS2_RC_SUCCESS
#define NONE ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE
#define BY(session) session, ESYS_TR_NONE, ESYS_TR_NONE
#define PASSWORD BY(ESYS_TR_PASSWORD)

struct buffer {
    size_t count;
    int overflows;
    uint8_t bytes[CTPM_CAPACITY];
};

extern struct buffer shim_input, shim_output;
extern ESYS_CONTEXT *shim_esys;

void shim_add(struct buffer *buffer, const void *bytes, size_t count);

/* Keeps the name of a call that fails. */
TSS2_RC shim_check(const char *call, TSS2_RC code);
#define CHECK(call, ...) shim_check(#call, call(__VA_ARGS__))

/* Every call begins so: an empty output, and an input that fitted. */
TSS2_RC shim_begin(void);
uint32_t shim_end(TSS2_RC code);

/* Transient objects and sessions: without a resource manager there is room for three of each. */
void shim_flush(ESYS_TR object);
void shim_forget(ESYS_TR object);

/* The object with a persistent handle or an NV index, or CTPM_NO_KEY. */
TSS2_RC shim_find(uint32_t handle, ESYS_TR *object);

/* The owner's ECC storage primary. */
TSS2_RC shim_create_storage(ESYS_TR *storage);

/* A session salted with the storage primary: what a listener on the bus hears is no help to guess a secret. What it
 * encrypts is said by TPMA_SESSION_DECRYPT, for the first parameter of a command, and TPMA_SESSION_ENCRYPT, for that of
 * a response. */
TSS2_RC shim_start_session(TPMA_SESSION encryption, ESYS_TR *session);

#endif
