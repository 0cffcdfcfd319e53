// SPDX-License-Identifier: Apache-2.0
#include "Instance.hpp"

#include <cerrno>
#include <memory>
#include <new>

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
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

DcmPixelSequence &Instance::fragments() {
    DcmElement *element = nullptr;
    DcmPixelSequence *sequence = nullptr;
    if (dataset().findAndGetElement(DCM_PixelData, element).bad()) throw Failure{CCODECS_NO_PIXEL_DATA};
    auto *pixelData = dynamic_cast<DcmPixelData *>(element);
    if (pixelData == nullptr || pixelData->getEncapsulatedRepresentation(syntax(), nullptr, sequence).bad() ||
        sequence == nullptr) {
        throw Failure{CCODECS_DAMAGED};
    }
    return *sequence;
}

void Instance::isolate(const ccodecs_fragments &frame) {
    if (frame.count == 0) return;
    DcmPixelSequence &sequence = fragments();
    // The Basic Offset Table is before them.
    const auto first = static_cast<unsigned long>(frame.first) + 1;
    const auto end = first + static_cast<unsigned long>(frame.count);
    if (frame.first < 0 || frame.count < 0 || end > sequence.card()) throw Failure{CCODECS_DAMAGED};
    std::vector<Uint8> bytes;
    for (unsigned long index = first; index < end; ++index) {
        DcmPixelItem *item = nullptr;
        Uint8 *piece = nullptr;
        if (sequence.getItem(item, index).bad() || item->getUint8Array(piece).bad() || piece == nullptr) {
            throw Failure{CCODECS_DAMAGED};
        }
        bytes.insert(bytes.end(), piece, piece + item->getLength());
    }
    if (bytes.size() % 2 != 0) bytes.push_back(0);
    while (sequence.card() > 0) {
        DcmPixelItem *item = nullptr;
        if (sequence.remove(item, 0).bad()) throw Failure{CCODECS_DAMAGED};
        delete item;
    }
    auto add = [&](std::unique_ptr<DcmPixelItem> item) {
        if (sequence.insert(item.get()).bad()) throw Failure{CCODECS_OUT_OF_MEMORY};
        item.release();
    };
    add(std::make_unique<DcmPixelItem>(DcmTag(DCM_Item, EVR_OB)));
    auto item = std::make_unique<DcmPixelItem>(DcmTag(DCM_Item, EVR_OB));
    if (item->putUint8Array(bytes.data(), static_cast<unsigned long>(bytes.size())).bad()) throw Failure{CCODECS_OUT_OF_MEMORY};
    add(std::move(item));
    if (dataset().tagExistsWithValue(DCM_NumberOfFrames)) {
        dataset().putAndInsertString(DCM_NumberOfFrames, "1");
    }
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
