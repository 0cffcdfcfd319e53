/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

/* inflateInit2 is a macro that passes the version and the structure's size.
 * Negative window bits: a raw deflate stream, as PS3.5 A.5 wants. */
static inline int czlib_inflate_init_raw(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }
