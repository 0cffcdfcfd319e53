// SPDX-License-Identifier: Apache-2.0
#include "Instance.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <openjpeg-2.5/openjpeg.h>

namespace codecs {
namespace {

struct CodecDeleter {
    void operator()(opj_codec_t *codec) const { opj_destroy_codec(codec); }
};
struct StreamDeleter {
    void operator()(opj_stream_t *stream) const { opj_stream_destroy(stream); }
};
struct ImageDeleter {
    void operator()(opj_image_t *image) const { opj_image_destroy(image); }
};
using Codec = std::unique_ptr<opj_codec_t, CodecDeleter>;
using Stream = std::unique_ptr<opj_stream_t, StreamDeleter>;
using Image = std::unique_ptr<opj_image_t, ImageDeleter>;

/// Bytes that a codec reads or writes.
struct Memory {
    std::vector<uint8_t> bytes;
    size_t position = 0;
};

OPJ_SIZE_T readMemory(void *buffer, OPJ_SIZE_T count, void *user) {
    auto &memory = *static_cast<Memory *>(user);
    const size_t left = memory.bytes.size() - memory.position;
    if (left == 0) return OPJ_SIZE_T(-1);
    const size_t taken = std::min<size_t>(left, count);
    std::memcpy(buffer, memory.bytes.data() + memory.position, taken);
    memory.position += taken;
    return taken;
}

OPJ_SIZE_T writeMemory(void *buffer, OPJ_SIZE_T count, void *user) {
    auto &memory = *static_cast<Memory *>(user);
    if (memory.bytes.size() < memory.position + count) memory.bytes.resize(memory.position + count);
    std::memcpy(memory.bytes.data() + memory.position, buffer, count);
    memory.position += count;
    return count;
}

OPJ_OFF_T skipMemory(OPJ_OFF_T count, void *user) {
    auto &memory = *static_cast<Memory *>(user);
    const OPJ_OFF_T target = OPJ_OFF_T(memory.position) + count;
    if (target < 0) return -1;
    memory.position = std::min<size_t>(size_t(target), memory.bytes.size());
    return count;
}

OPJ_BOOL seekMemory(OPJ_OFF_T offset, void *user) {
    auto &memory = *static_cast<Memory *>(user);
    if (offset < 0 || size_t(offset) > memory.bytes.size()) return OPJ_FALSE;
    memory.position = size_t(offset);
    return OPJ_TRUE;
}

Stream makeStream(Memory &memory, bool isInput) {
    Stream stream(opj_stream_create(1 << 20, isInput));
    if (!stream) throw Failure{CCODECS_OUT_OF_MEMORY};
    opj_stream_set_user_data(stream.get(), &memory, nullptr);
    opj_stream_set_user_data_length(stream.get(), memory.bytes.size());
    opj_stream_set_read_function(stream.get(), readMemory);
    opj_stream_set_write_function(stream.get(), writeMemory);
    opj_stream_set_skip_function(stream.get(), skipMemory);
    opj_stream_set_seek_function(stream.get(), seekMemory);
    return stream;
}

Image decode(Memory &memory, const PixelForm &form) {
    static const uint8_t boxed[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    const bool isBoxed =
        memory.bytes.size() >= sizeof boxed && std::memcmp(memory.bytes.data(), boxed, sizeof boxed) == 0;
    Codec codec(opj_create_decompress(isBoxed ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K));
    Stream stream = makeStream(memory, true);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t *raw = nullptr;
    if (!codec || !opj_setup_decoder(codec.get(), &parameters) ||
        !opj_read_header(stream.get(), codec.get(), &raw)) {
        throw Failure{CCODECS_DAMAGED};
    }
    Image image(raw);
    // Before any memory is taken for it: the code stream's size must be what the attributes promise.
    if (raw->x1 - raw->x0 != form.columns || raw->y1 - raw->y0 != form.rows || raw->numcomps != form.samples) {
        throw Failure{CCODECS_DAMAGED};
    }
    // Strict: a code stream that ends early is an error, not a picture that is grey below.
    opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE);
    if (!opj_decode(codec.get(), stream.get(), raw) || !opj_end_decompress(codec.get(), stream.get())) {
        throw Failure{CCODECS_DAMAGED};
    }
    for (uint32_t index = 0; index < raw->numcomps; ++index) {
        const opj_image_comp_t &component = raw->comps[index];
        if (component.w != form.columns || component.h != form.rows || component.data == nullptr) {
            throw Failure{CCODECS_UNSUPPORTED};
        }
        if (component.prec > form.bitsAllocated) throw Failure{CCODECS_DAMAGED};
    }
    return image;
}

/// Samples by pixel, in little endian.
void interleave(const opj_image_t &image, const PixelForm &form, uint8_t *output) {
    const size_t pixels = size_t(form.rows) * form.columns;
    for (uint32_t sample = 0; sample < form.samples; ++sample) {
        const OPJ_INT32 *data = image.comps[sample].data;
        if (form.bitsAllocated == 8) {
            for (size_t pixel = 0; pixel < pixels; ++pixel) {
                output[pixel * form.samples + sample] = uint8_t(data[pixel]);
            }
        } else {
            for (size_t pixel = 0; pixel < pixels; ++pixel) {
                uint8_t *at = output + 2 * (pixel * form.samples + sample);
                at[0] = uint8_t(data[pixel]);
                at[1] = uint8_t(data[pixel] >> 8);
            }
        }
    }
}

/// The code streams of the frames: with one fragment for each, or by the Basic Offset Table, or the fragment that
/// begins one (PS3.5 A.4).
std::vector<std::vector<DcmPixelItem *>> framesOf(DcmPixelSequence &sequence, const PixelForm &form) {
    std::vector<DcmPixelItem *> items;
    for (unsigned long index = 1; index < sequence.card(); ++index) {
        DcmPixelItem *item = nullptr;
        if (sequence.getItem(item, index).bad() || item == nullptr) throw Failure{CCODECS_DAMAGED};
        items.push_back(item);
    }
    std::vector<std::vector<DcmPixelItem *>> frames;
    if (form.frames == 1 || items.size() == form.frames) {
        for (DcmPixelItem *item : items) {
            if (frames.empty() || form.frames > 1) frames.emplace_back();
            frames.back().push_back(item);
        }
    } else {
        for (DcmPixelItem *item : items) {
            Uint8 *bytes = nullptr;
            if (item->getUint8Array(bytes).bad() || bytes == nullptr) throw Failure{CCODECS_DAMAGED};
            const bool begins = item->getLength() >= 4 && bytes[0] == 0xFF && bytes[1] == 0x4F &&
                                bytes[2] == 0xFF && bytes[3] == 0x51;
            if (begins || frames.empty()) frames.emplace_back();
            frames.back().push_back(item);
        }
    }
    if (frames.size() != form.frames) throw Failure{CCODECS_DAMAGED};
    return frames;
}

} // namespace

void decodeJPEG2000(Instance &instance, uint32_t frame, int64_t limit) {
    DcmDataset &dataset = instance.dataset();
    const PixelForm form(dataset);
    if ((form.bitsAllocated != 8 && form.bitsAllocated != 16) || (form.samples != 1 && form.samples != 3)) {
        throw Failure{CCODECS_UNSUPPORTED};
    }
    if (frame > form.frames) throw Failure{CCODECS_NO_SUCH_FRAME};
    const uint32_t count = frame == 0 ? form.frames : 1;
    if (!form.fits(uint64_t(limit), count)) throw Failure{CCODECS_TOO_LARGE};
    const uint64_t total = form.frameBytes() * count;

    const auto frames = framesOf(instance.fragments(), form);

    auto native = std::make_unique<DcmPixelData>(DCM_PixelData);
    native->setVR(EVR_OW);
    Uint16 *words = nullptr;
    if (native->createUint16Array(Uint32((total + 1) / 2), words).bad() || words == nullptr) {
        throw Failure{CCODECS_OUT_OF_MEMORY};
    }
    auto *output = reinterpret_cast<uint8_t *>(words);
    if (total % 2 != 0) output[total] = 0;
    for (uint32_t index = 0; index < count; ++index) {
        Memory memory;
        for (DcmPixelItem *item : frames[frame == 0 ? index : frame - 1]) {
            Uint8 *bytes = nullptr;
            if (item->getUint8Array(bytes).bad() || bytes == nullptr) throw Failure{CCODECS_DAMAGED};
            memory.bytes.insert(memory.bytes.end(), bytes, bytes + item->getLength());
        }
        const Image image = decode(memory, form);
        interleave(*image, form, output + index * form.frameBytes());
    }

    OFString interpretation;
    dataset.findAndGetOFString(DCM_PhotometricInterpretation, interpretation);
    if (interpretation == "YBR_RCT" || interpretation == "YBR_ICT") {
        dataset.putAndInsertString(DCM_PhotometricInterpretation, "RGB");
    }
    if (form.samples > 1) dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    if (frame != 0) dataset.putAndInsertString(DCM_NumberOfFrames, "1");
    if (dataset.insert(native.get(), OFTrue).bad()) throw Failure{CCODECS_OUT_OF_MEMORY};
    native.release();
    dataset.updateOriginalXfer();
}

void encodeJPEG2000(DcmDataset &dataset, E_TransferSyntax syntax) {
    const PixelForm form(dataset);
    if ((form.bitsAllocated != 8 && form.bitsAllocated != 16) || (form.samples != 1 && form.samples != 3)) {
        throw Failure{CCODECS_UNSUPPORTED};
    }
    const Uint8 *pixels = nullptr;
    unsigned long length = 0;
    if (form.bitsAllocated == 8) {
        if (dataset.findAndGetUint8Array(DCM_PixelData, pixels, &length).bad()) throw Failure{CCODECS_DAMAGED};
    } else {
        const Uint16 *words = nullptr;
        if (dataset.findAndGetUint16Array(DCM_PixelData, words, &length).bad()) throw Failure{CCODECS_DAMAGED};
        pixels = reinterpret_cast<const Uint8 *>(words);
        length *= 2;
    }
    if (pixels == nullptr || !form.fits(length, form.frames)) throw Failure{CCODECS_DAMAGED};

    OFString interpretation;
    dataset.findAndGetOFString(DCM_PhotometricInterpretation, interpretation);
    const bool isRGB = form.samples == 3 && interpretation == "RGB";
    const size_t pixelCount = size_t(form.rows) * form.columns;
    auto sequence = std::make_unique<DcmPixelSequence>(DCM_PixelSequenceTag);
    auto table = std::make_unique<DcmPixelItem>(DCM_PixelItemTag);
    if (sequence->insert(table.get()).bad()) throw Failure{CCODECS_OUT_OF_MEMORY};
    DcmPixelItem *offsetTable = table.release();
    DcmOffsetList offsets;
    for (uint32_t frame = 0; frame < form.frames; ++frame) {
        std::vector<opj_image_cmptparm_t> parameters(form.samples);
        for (auto &parameter : parameters) {
            parameter = {};
            parameter.dx = parameter.dy = 1;
            parameter.w = form.columns;
            parameter.h = form.rows;
            // All that is allocated: what stands above the stored bits comes back too.
            parameter.prec = form.bitsAllocated;
            parameter.sgnd = form.isSigned;
        }
        Image image(opj_image_create(form.samples, parameters.data(),
                                     form.samples == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY));
        if (!image) throw Failure{CCODECS_OUT_OF_MEMORY};
        image->x1 = form.columns;
        image->y1 = form.rows;
        const Uint8 *source = pixels + frame * form.frameBytes();
        for (uint32_t sample = 0; sample < form.samples; ++sample) {
            OPJ_INT32 *data = image->comps[sample].data;
            for (size_t pixel = 0; pixel < pixelCount; ++pixel) {
                const size_t index = form.isPlanar ? sample * pixelCount + pixel : pixel * form.samples + sample;
                if (form.bitsAllocated == 8) {
                    data[pixel] = form.isSigned ? int8_t(source[index]) : source[index];
                } else {
                    const uint16_t word = uint16_t(source[2 * index] | source[2 * index + 1] << 8);
                    data[pixel] = form.isSigned ? int16_t(word) : word;
                }
            }
        }
        opj_cparameters_t settings;
        opj_set_default_encoder_parameters(&settings);
        settings.tcp_numlayers = 1;
        settings.tcp_rates[0] = 0;
        settings.cp_disto_alloc = 1;
        settings.irreversible = 0;
        settings.tcp_mct = isRGB ? 1 : 0;
        // As many halvings as the smaller side has, less one: more are refused.
        const uint32_t side = std::min(form.rows, form.columns);
        settings.numresolution = 1;
        while (settings.numresolution < 6 && (side >> settings.numresolution) > 0) ++settings.numresolution;
        Memory memory;
        memory.bytes.reserve(size_t(form.frameBytes()) / 2);
        Codec codec(opj_create_compress(OPJ_CODEC_J2K));
        if (!codec || !opj_setup_encoder(codec.get(), &settings, image.get())) {
            throw Failure{CCODECS_UNSUPPORTED};
        }
        Stream stream = makeStream(memory, false);
        if (!opj_start_compress(codec.get(), image.get(), stream.get()) ||
            !opj_encode(codec.get(), stream.get()) || !opj_end_compress(codec.get(), stream.get())) {
            throw Failure{CCODECS_OUT_OF_MEMORY};
        }
        stream.reset();
        if (sequence->storeCompressedFrame(offsets, memory.bytes.data(), Uint32(memory.bytes.size()), 0).bad()) {
            throw Failure{CCODECS_OUT_OF_MEMORY};
        }
    }
    offsetTable->createOffsetTable(offsets);

    auto pixelData = std::make_unique<DcmPixelData>(DCM_PixelData);
    pixelData->putOriginalRepresentation(syntax, nullptr, sequence.release());
    if (dataset.insert(pixelData.get(), OFTrue).bad()) throw Failure{CCODECS_OUT_OF_MEMORY};
    pixelData.release();
    if (isRGB) dataset.putAndInsertString(DCM_PhotometricInterpretation, "YBR_RCT");
    if (form.samples == 3) dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
}

} // namespace codecs
