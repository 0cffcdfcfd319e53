// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include "CCodecs.h"

namespace codecs {

/// A CCODECS_ status on its way to the caller.
struct Failure {
    int32_t status;
};

/// A run of bytes of a file, mapped.
class Mapping {
public:
    Mapping(int descriptor, int64_t offset, int64_t length);
    ~Mapping();
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;

    const uint8_t *bytes() const { return start + skipped; }
    size_t count() const { return size - skipped; }

private:
    uint8_t *start;
    size_t size;
    size_t skipped;
};

/// What the attributes say of the pixel data (PS3.3 C.7.6.3).
struct PixelForm {
    explicit PixelForm(DcmDataset &dataset);

    uint32_t rows, columns, samples, bitsAllocated, bitsStored, frames;
    bool isSigned, isPlanar;

    /// Below 2^62, since each factor has 16 bits.
    uint64_t frameBytes() const { return uint64_t(rows) * columns * samples * ((bitsAllocated + 7) / 8); }

    /// Whether so many frames have at most `limit` bytes: the product itself may be more than 64 bits hold.
    bool fits(uint64_t limit, uint32_t count) const { return frameBytes() <= limit / count; }
};

/// A Part 10 file in memory.
class Instance {
public:
    Instance(int descriptor, int64_t offset, int64_t length);

    DcmDataset &dataset() { return *file.getDataset(); }
    E_TransferSyntax syntax() { return dataset().getOriginalXfer(); }
    bool isJPEG2000();
    /// The encapsulated pixel data.
    DcmPixelSequence &fragments();
    /// Leaves one frame, in one fragment, of encapsulated pixel data.
    void isolate(const ccodecs_fragments &frame);
    bool hasPixelData() { return dataset().tagExistsWithValue(DCM_PixelData); }

private:
    Mapping mapping;
    DcmFileFormat file;
};

/// Writes all of it or fails.
void writeAll(int descriptor, const void *bytes, size_t count);

/// Puts native pixel data, in Explicit VR Little Endian, in the place of JPEG 2000; `frame` from 1 alone, or 0 for all.
void decodeJPEG2000(Instance &instance, uint32_t frame, int64_t limit);

/// Puts JPEG 2000 pixel data, without loss, in the place of native pixel data.
void encodeJPEG2000(DcmDataset &dataset, E_TransferSyntax syntax);

/// Runs `body` and tells how it ended.
template <class Body> int32_t guarded(Body body) {
    try {
        body();
        return CCODECS_OK;
    } catch (const Failure &failure) {
        return failure.status;
    } catch (const std::bad_alloc &) {
        return CCODECS_OUT_OF_MEMORY;
    } catch (...) {
        return CCODECS_DAMAGED;
    }
}

} // namespace codecs
