/* SPDX-License-Identifier: Apache-2.0
 * Pixel data codecs: DCMTK (JPEG, JPEG-LS, RLE, rendering), OpenJPEG (JPEG 2000), libjpeg-turbo and libpng (what
 * browsers show), behind calls that take descriptors and numbers only. Not thread-safe: one worker process calls
 * them, one at a time. */
#ifndef CCODECS_H
#define CCODECS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a call ended. */
enum {
    CCODECS_OK = 0,
    CCODECS_UNREADABLE = 1,    /* the input is no whole Part 10 file */
    CCODECS_NO_PIXEL_DATA = 2, /* nothing to decode or show */
    CCODECS_NO_SUCH_FRAME = 3,
    CCODECS_UNSUPPORTED = 4, /* a transfer syntax or a form of pixel data that no codec here takes */
    CCODECS_DAMAGED = 5,     /* the pixel data cannot be decoded, or is not what the attributes say */
    CCODECS_TOO_LARGE = 6,   /* decoded, it is beyond the limit */
    CCODECS_OUT_OF_MEMORY = 7,
    CCODECS_NOT_WRITTEN = 8 /* the output takes no more */
};

/* What pixel data can be written as. */
enum {
    CCODECS_IMPLICIT_LITTLE_ENDIAN = 0,
    CCODECS_EXPLICIT_LITTLE_ENDIAN = 1,
    CCODECS_JPEG_LOSSLESS_SV1 = 2,
    CCODECS_JPEG_LS_LOSSLESS = 3,
    CCODECS_JPEG_2000_LOSSLESS = 4, /* .90 */
    CCODECS_JPEG_2000 = 5           /* .91, written without loss all the same */
};

/* The fragments of one frame, counted from 0 behind the Basic Offset Table; `count` 0: all frames. */
struct ccodecs_fragments {
    int64_t first, count;
};

/* Once, before anything else. */
void ccodecs_initialise(void);

/* From now on the process has `bytes` of address space at most and cannot open files, make sockets or start
 * programs (seccomp(2)). 0, or an errno. */
int32_t ccodecs_confine(int64_t bytes);

/* Reads the Part 10 file of `length` bytes at `offset` of `input`, and writes its data set in `syntax` behind what
 * `output` holds already. Decoded pixel data has at most `limit` bytes. Identity and every attribute stay, but for
 * those that describe the pixel data's form. With `frame` it has that one only. */
int32_t ccodecs_transcode(int32_t input, int64_t offset, int64_t length, int32_t output, int32_t syntax,
                          struct ccodecs_fragments frame, int64_t limit);

struct ccodecs_rendering {
    int32_t frame; /* from 1 */
    struct ccodecs_fragments fragments; /* of that frame, where the caller knows them */
    int32_t is_png;
    int32_t quality;    /* of JPEG, 1 to 100 */
    int32_t has_window; /* else the image's own, else all that is there */
    double center, width;
    int32_t function;     /* 0 linear, 1 linear-exact, 2 sigmoid (PS3.3 C.11.2.1.3) */
    int32_t viewport_width, viewport_height; /* 0: as many pixels as the image has */
    int32_t has_region;                      /* the region of the image that fills the viewport, in pixels */
    int32_t left, top, region_width, region_height;
};

/* Writes one frame as JPEG or PNG, within the viewport, in the image's aspect ratio. */
int32_t ccodecs_render(int32_t input, int64_t offset, int64_t length, int32_t output,
                       struct ccodecs_rendering rendering, int64_t limit);

#ifdef __cplusplus
}
#endif
#endif
