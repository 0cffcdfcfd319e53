// SPDX-License-Identifier: Apache-2.0
#include "Instance.hpp"

#include <memory>

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dcwcache.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <dcmtk/dcmjpls/djrparam.h>
#include <dcmtk/oflog/oflog.h>

namespace codecs {
namespace {

E_TransferSyntax dcmtkSyntax(int32_t syntax) {
    switch (syntax) {
    case CCODECS_IMPLICIT_LITTLE_ENDIAN: return EXS_LittleEndianImplicit;
    case CCODECS_EXPLICIT_LITTLE_ENDIAN: return EXS_LittleEndianExplicit;
    case CCODECS_JPEG_LOSSLESS_SV1: return EXS_JPEGProcess14SV1;
    case CCODECS_JPEG_LS_LOSSLESS: return EXS_JPEGLSLossless;
    case CCODECS_JPEG_2000_LOSSLESS: return EXS_JPEG2000LosslessOnly;
    case CCODECS_JPEG_2000: return EXS_JPEG2000;
    default: throw Failure{CCODECS_UNSUPPORTED};
    }
}

/// Whether DCMTK has a decoder for it.
bool isDecodable(E_TransferSyntax syntax) {
    return DcmCodecList::canChangeCoding(syntax, EXS_LittleEndianExplicit);
}

/// Pixel data as it is without compression.
void decodePixelData(Instance &instance, int64_t limit) {
    DcmDataset &dataset = instance.dataset();
    const E_TransferSyntax own = instance.syntax();
    const bool wasLossy = own == EXS_JPEGProcess1 || own == EXS_JPEGProcess2_4 || own == EXS_JPEGLSLossy;
    if (DcmXfer(own).isEncapsulated()) {
        const PixelForm form(dataset);
        if (!form.fits(uint64_t(limit), form.frames)) throw Failure{CCODECS_TOO_LARGE};
        if (instance.isJPEG2000()) {
            decodeJPEG2000(instance, 0, limit);
        } else {
            const OFCondition condition = dataset.chooseRepresentation(EXS_LittleEndianExplicit, nullptr);
            if (condition == EC_MemoryExhausted) throw Failure{CCODECS_OUT_OF_MEMORY};
            if (condition == EC_UnsupportedEncoding || condition == EC_CannotChangeRepresentation) {
                throw Failure{isDecodable(own) ? CCODECS_DAMAGED : CCODECS_UNSUPPORTED};
            }
            if (condition.bad()) throw Failure{CCODECS_DAMAGED};
            dataset.removeAllButCurrentRepresentations();
        }
    }
    // PS3.3 C.7.6.1.1.5: it stays true of pixel data that has been lossy once.
    if (wasLossy && !dataset.tagExistsWithValue(DCM_LossyImageCompression)) {
        dataset.putAndInsertString(DCM_LossyImageCompression, "01");
    }
}

/// Attributes that an encoder changes, although nothing is derived where nothing is lost: as they were, at the end.
class Unchanged {
public:
    explicit Unchanged(DcmDataset &set) : dataset(set) {
        for (size_t index = 0; index < count; ++index) {
            DcmElement *copy = nullptr;
            if (dataset.findAndGetElement(tags()[index], copy, OFFalse, OFTrue).good()) before[index].reset(copy);
        }
    }

    ~Unchanged() {
        for (size_t index = 0; index < count; ++index) {
            if (before[index]) {
                if (dataset.insert(before[index].get(), OFTrue).good()) before[index].release();
            } else {
                dataset.findAndDeleteElement(tags()[index]);
            }
        }
    }

private:
    static constexpr size_t count = 7;

    static const DcmTagKey *tags() {
        static const DcmTagKey list[count] = {
            DCM_ImageType,         DCM_DerivationDescription,      DCM_DerivationCodeSequence,
            DCM_SourceImageSequence, DCM_LossyImageCompression, DCM_LossyImageCompressionRatio,
            DCM_LossyImageCompressionMethod,
        };
        return list;
    }

    DcmDataset &dataset;
    std::unique_ptr<DcmElement> before[count];
};

void encodePixelData(DcmDataset &dataset, E_TransferSyntax syntax) {
    const Unchanged unchanged(dataset);
    OFCondition condition = EC_Normal;
    if (syntax == EXS_JPEG2000LosslessOnly || syntax == EXS_JPEG2000) {
        encodeJPEG2000(dataset, syntax);
        return;
    } else if (syntax == EXS_JPEGLSLossless) {
        const DJLSRepresentationParameter lossless(0, OFTrue);
        condition = dataset.chooseRepresentation(syntax, &lossless);
    } else {
        const DJ_RPLossless lossless;
        condition = dataset.chooseRepresentation(syntax, &lossless);
    }
    if (condition == EC_MemoryExhausted) throw Failure{CCODECS_OUT_OF_MEMORY};
    if (condition.bad() || !dataset.canWriteXfer(syntax)) throw Failure{CCODECS_UNSUPPORTED};
}

void writeDataSet(DcmDataset &dataset, E_TransferSyntax syntax, int output) {
    std::vector<uint8_t> buffer(256 << 10);
    DcmOutputBufferStream stream(buffer.data(), offile_off_t(buffer.size()));
    DcmWriteCache cache;
    if (dataset.computeGroupLengthAndPadding(EGL_recalcGL, EPD_noChange, syntax, EET_UndefinedLength).bad()) {
        throw Failure{CCODECS_DAMAGED};
    }
    dataset.transferInit();
    while (true) {
        const OFCondition condition = dataset.write(stream, syntax, EET_UndefinedLength, &cache);
        void *bytes = nullptr;
        offile_off_t count = 0;
        stream.flushBuffer(bytes, count);
        writeAll(output, bytes, size_t(count));
        if (condition.good()) break;
        if (condition != EC_StreamNotifyClient) throw Failure{CCODECS_UNSUPPORTED};
    }
    dataset.transferEnd();
}

} // namespace
} // namespace codecs

void ccodecs_initialise(void) {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    // The dictionary and the codecs are read now, while files can be opened.
    dcmDataDict.rdlock();
    dcmDataDict.rdunlock();
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation, EUC_never);
    DJEncoderRegistration::registerCodecs(ECC_lossyYCbCr, EUC_never);
    DJLSDecoderRegistration::registerCodecs(EJLSUC_never);
    DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFFalse, 0, OFTrue, EJLSUC_never);
}

int32_t ccodecs_transcode(int32_t input, int64_t offset, int64_t length, int32_t output, int32_t syntax,
                          ccodecs_fragments frame, int64_t limit) {
    return codecs::guarded([&] {
        codecs::Instance instance(input, offset, length);
        instance.isolate(frame);
        const E_TransferSyntax target = codecs::dcmtkSyntax(syntax);
        if (instance.hasPixelData()) codecs::decodePixelData(instance, limit);
        // What has no pixel data is written as it is; its transfer syntax still says how.
        if (instance.hasPixelData() && DcmXfer(target).isEncapsulated()) {
            codecs::encodePixelData(instance.dataset(), target);
        }
        codecs::writeDataSet(instance.dataset(), target, output);
    });
}
