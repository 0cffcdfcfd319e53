// SPDX-License-Identifier: Apache-2.0
#include "Instance.hpp"

#include <cerrno>
#include <new>

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <sys/mman.h>
#include <unistd.h>

namespace codecs {

Mapping::Mapping(int descriptor, int64_t offset, int64_t length) {
    const int64_t page = sysconf(_SC_PAGESIZE);
    skipped = size_t(offset % page);
    size = size_t(length) + skipped;
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, offset - int64_t(skipped));
    if (address == MAP_FAILED) throw Failure{errno == ENOMEM ? CCODECS_OUT_OF_MEMORY : CCODECS_UNREADABLE};
    start = static_cast<uint8_t *>(address);
}

Mapping::~Mapping() { munmap(start, size); }

PixelForm::PixelForm(DcmDataset &dataset) {
    Uint16 value = 0;
    auto number = [&](const DcmTagKey &tag, uint32_t otherwise) -> uint32_t {
        return dataset.findAndGetUint16(tag, value).good() ? value : otherwise;
    };
    rows = number(DCM_Rows, 0);
    columns = number(DCM_Columns, 0);
    samples = number(DCM_SamplesPerPixel, 1);
    bitsAllocated = number(DCM_BitsAllocated, 8);
    bitsStored = number(DCM_BitsStored, bitsAllocated);
    isSigned = number(DCM_PixelRepresentation, 0) == 1;
    isPlanar = samples > 1 && number(DCM_PlanarConfiguration, 0) == 1;
    Sint32 count = 1;
    frames = dataset.findAndGetSint32(DCM_NumberOfFrames, count).good() && count > 0 ? uint32_t(count) : 1;
    if (rows == 0 || columns == 0 || samples == 0 || bitsAllocated == 0) throw Failure{CCODECS_DAMAGED};
}

Instance::Instance(int descriptor, int64_t offset, int64_t length) : mapping(descriptor, offset, length) {
    DcmInputBufferStream stream;
    stream.setBuffer(mapping.bytes(), offile_off_t(mapping.count()));
    stream.setEos();
    file.transferInit();
    const OFCondition condition = file.read(stream);
    file.transferEnd();
    if (condition.bad()) {
        throw Failure{condition == EC_MemoryExhausted ? CCODECS_OUT_OF_MEMORY : CCODECS_UNREADABLE};
    }
}

bool Instance::isJPEG2000() {
    const E_TransferSyntax own = syntax();
    return own == EXS_JPEG2000LosslessOnly || own == EXS_JPEG2000;
}

void writeAll(int descriptor, const void *bytes, size_t count) {
    const uint8_t *next = static_cast<const uint8_t *>(bytes);
    while (count > 0) {
        const ssize_t written = write(descriptor, next, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw Failure{CCODECS_NOT_WRITTEN};
        next += written;
        count -= size_t(written);
    }
}

} // namespace codecs
