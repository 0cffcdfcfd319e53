// SPDX-License-Identifier: Apache-2.0
#include "Instance.hpp"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <jpeglib.h>
#include <png.h>

namespace codecs {
namespace {

/// What is shown: 8 bits for each sample.
struct Picture {
    uint32_t width, height, samples;
    std::vector<uint8_t> bytes;
};

void chooseWindow(DicomImage &image, const ccodecs_rendering &rendering) {
    if (!image.isMonochrome()) return;
    bool isGood = true;
    if (rendering.has_window) {
        double center = rendering.center, width = rendering.width;
        if (rendering.function == 1) {
            // LINEAR_EXACT in terms of LINEAR (PS3.3 C.11.2.1.3.2).
            center += 0.5;
            width += 1;
        }
        image.setVoiLutFunction(rendering.function == 2 ? EFV_Sigmoid : EFV_Linear);
        isGood = image.setWindow(center, width);
    } else if (image.getWindowCount() > 0) {
        isGood = image.setWindow(0ul);
    } else if (image.getVoiLutCount() > 0) {
        isGood = image.setVoiLut(0ul);
    } else if (image.getDepth() > 8) {
        isGood = image.setMinMaxWindow();
    }
    if (!isGood) image.setMinMaxWindow();
}

/// The image within the viewport.
std::unique_ptr<DicomImage> scaled(DicomImage &image, const ccodecs_rendering &rendering) {
    unsigned long left = 0, top = 0, width = image.getWidth(), height = image.getHeight();
    if (rendering.has_region) {
        left = std::min<unsigned long>(uint32_t(rendering.left), width - 1);
        top = std::min<unsigned long>(uint32_t(rendering.top), height - 1);
        width = std::min<unsigned long>(uint32_t(rendering.region_width), width - left);
        height = std::min<unsigned long>(uint32_t(rendering.region_height), height - top);
    }
    double ratio = 1;
    if (rendering.viewport_width > 0 && rendering.viewport_height > 0) {
        ratio = std::min(double(rendering.viewport_width) / double(width),
                         double(rendering.viewport_height) / double(height));
    }
    const auto targetWidth = std::max(1ul, static_cast<unsigned long>(std::lround(double(width) * ratio)));
    const auto targetHeight = std::max(1ul, static_cast<unsigned long>(std::lround(double(height) * ratio)));
    if (!rendering.has_region && targetWidth == width && targetHeight == height) return nullptr;
    return std::unique_ptr<DicomImage>(image.createScaledImage(
        static_cast<signed long>(left), static_cast<signed long>(top), width, height, targetWidth, targetHeight, 1));
}

/// Puts what an enhanced object says of the frame's grey values, in its functional groups (PS3.3 C.7.6.16.2.9 and .10), where
/// the library looks for it.
void adoptFunctionalGroups(DcmDataset &dataset, unsigned long frame) {
    const struct {
        DcmTagKey sequence;
        unsigned long item;
    } groups[] = {{DCM_SharedFunctionalGroupsSequence, 0}, {DCM_PerFrameFunctionalGroupsSequence, frame - 1}};
    const DcmTagKey macros[] = {DCM_PixelValueTransformationSequence, DCM_FrameVOILUTSequence};
    const DcmTagKey attributes[] = {DCM_RescaleIntercept, DCM_RescaleSlope,    DCM_RescaleType,
                                    DCM_WindowCenter,     DCM_WindowWidth,     DCM_VOILUTFunction};
    for (const auto &group : groups) {
        DcmItem *functional = nullptr;
        if (dataset.findAndGetSequenceItem(group.sequence, functional, Sint32(group.item)).bad()) continue;
        for (const DcmTagKey &macro : macros) {
            DcmItem *values = nullptr;
            if (functional->findAndGetSequenceItem(macro, values).bad()) continue;
            for (const DcmTagKey &attribute : attributes) {
                DcmElement *copy = nullptr;
                if (values->findAndGetElement(attribute, copy, OFFalse, OFTrue).bad()) continue;
                if (dataset.insert(copy, OFTrue).bad()) delete copy;
            }
        }
    }
}

Picture draw(Instance &instance, const ccodecs_rendering &rendering, int64_t limit) {
    if (!instance.hasPixelData()) throw Failure{CCODECS_NO_PIXEL_DATA};
    if (rendering.frame < 1) throw Failure{CCODECS_NO_SUCH_FRAME};
    instance.isolate(rendering.fragments);
    const int32_t frame = rendering.fragments.count > 0 ? 1 : rendering.frame;
    const PixelForm form(instance.dataset());
    if (uint32_t(frame) > form.frames) throw Failure{CCODECS_NO_SUCH_FRAME};
    if (form.frameBytes() > uint64_t(limit)) throw Failure{CCODECS_TOO_LARGE};
    adoptFunctionalGroups(instance.dataset(), uint32_t(rendering.frame));
    E_TransferSyntax syntax = instance.syntax();
    unsigned long first = uint32_t(frame) - 1;
    if (instance.isJPEG2000()) {
        decodeJPEG2000(instance, uint32_t(frame), limit);
        syntax = EXS_LittleEndianExplicit;
        first = 0;
    }
    DicomImage whole(&instance.dataset(), syntax, CIF_UsePartialAccessToPixelData, first, 1);
    switch (whole.getStatus()) {
    case EIS_Normal: break;
    case EIS_MissingAttribute: throw Failure{CCODECS_NO_PIXEL_DATA};
    case EIS_MemoryFailure: throw Failure{CCODECS_OUT_OF_MEMORY};
    case EIS_NotSupportedValue: throw Failure{CCODECS_UNSUPPORTED};
    default: throw Failure{CCODECS_DAMAGED};
    }
    const std::unique_ptr<DicomImage> part = scaled(whole, rendering);
    DicomImage &image = part ? *part : whole;
    if (image.getStatus() != EIS_Normal) throw Failure{CCODECS_OUT_OF_MEMORY};
    chooseWindow(image, rendering);
    image.hideAllOverlays();
    Picture picture{uint32_t(image.getWidth()), uint32_t(image.getHeight()), image.isMonochrome() ? 1u : 3u, {}};
    picture.bytes.resize(image.getOutputDataSize(8));
    if (picture.bytes.size() < size_t(picture.width) * picture.height * picture.samples ||
        !image.getOutputData(picture.bytes.data(), picture.bytes.size(), 8)) {
        throw Failure{CCODECS_DAMAGED};
    }
    return picture;
}

struct JPEGErrors {
    jpeg_error_mgr manager;
    std::jmp_buf back;
};

void giveUp(j_common_ptr information) {
    std::longjmp(reinterpret_cast<JPEGErrors *>(information->err)->back, 1);
}

void keepQuiet(j_common_ptr) {}

/// The caller frees `*bytes`, whatever comes back. No object with a destructor lives here: errors jump out.
bool encodeJPEG(const Picture &picture, int quality, unsigned char **bytes, unsigned long *count) {
    jpeg_compress_struct information = {};
    JPEGErrors errors;
    information.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = giveUp;
    errors.manager.output_message = keepQuiet;
    if (setjmp(errors.back) != 0) {
        jpeg_destroy_compress(&information);
        return false;
    }
    jpeg_create_compress(&information);
    jpeg_mem_dest(&information, bytes, count);
    information.image_width = picture.width;
    information.image_height = picture.height;
    information.input_components = int(picture.samples);
    information.in_color_space = picture.samples == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&information);
    jpeg_set_quality(&information, quality, TRUE);
    jpeg_start_compress(&information, TRUE);
    while (information.next_scanline < information.image_height) {
        JSAMPROW row = const_cast<JSAMPROW>(
            picture.bytes.data() + size_t(information.next_scanline) * picture.width * picture.samples);
        jpeg_write_scanlines(&information, &row, 1);
    }
    jpeg_finish_compress(&information);
    jpeg_destroy_compress(&information);
    return true;
}

void writeJPEG(const Picture &picture, int quality, int output) {
    unsigned char *bytes = nullptr;
    unsigned long count = 0;
    const bool isGood = encodeJPEG(picture, quality, &bytes, &count);
    const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, std::free);
    if (!isGood) throw Failure{CCODECS_OUT_OF_MEMORY};
    writeAll(output, bytes, count);
}

void writePNG(const Picture &picture, int output) {
    png_image image = {};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = picture.samples == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::vector<uint8_t> bytes(count);
    if (!png_image_write_to_memory(&image, bytes.data(), &count, 0, picture.bytes.data(), 0, nullptr)) {
        throw Failure{CCODECS_OUT_OF_MEMORY};
    }
    writeAll(output, bytes.data(), count);
}

} // namespace
} // namespace codecs

int32_t ccodecs_render(int32_t input, int64_t offset, int64_t length, int32_t output,
                       struct ccodecs_rendering rendering, int64_t limit) {
    return codecs::guarded([&] {
        codecs::Instance instance(input, offset, length);
        const codecs::Picture picture = codecs::draw(instance, rendering, limit);
        if (rendering.is_png) {
            codecs::writePNG(picture, output);
        } else {
            codecs::writeJPEG(picture, rendering.quality, output);
        }
    });
}
