// SPDX-License-Identifier: Apache-2.0
import CCodecs
import Codecs
import DICOM
import FoundationEssentials
import Linux

/// A request read, done and answered.
enum CodecWork {
    /// Throws where the message is no request: then the two sides are not of one release.
    static func answer(to message: MessageSocket.Message) throws -> [UInt8] {
        let request = try JSONDecoder().decode(CodecRequest.self, from: Data(message.bytes))
        guard message.files.count == 2 else {
            throw SystemCallError(call: "recvmsg", subject: "two files", errno: SystemCallError.badDescriptor)
        }
        let input = FileExtent(file: message.files[0], offset: request.offset, length: request.length)
        return Array(try JSONEncoder().encode(perform(request.work, input, message.files[1])))
    }

    private static func perform(_ work: CodecRequest.Work, _ input: FileExtent, _ output: OpenFile)
        -> CodecReply
    {
        switch work {
        case .transcode(let syntax, let frame): transcode(input, output, syntax, frame)
        case .render(let rendering): render(input, output, rendering)
        }
    }

    private static func transcode(_ input: FileExtent, _ output: OpenFile, _ name: String, _ frame: Int?)
        -> CodecReply
    {
        guard let syntax = UID(name), let target = number(of: syntax) else { return CodecReply(.unsupported) }
        var fragments = ccodecs_fragments()
        let start: Int64
        do {
            if let frame { fragments = try self.fragments(of: frame, input) ?? ccodecs_fragments() }
            let head = try input.read(at: 0, count: FileMetaInformation.maximumLength)
            var (meta, _) = try head.withRawSpan { span throws(DataSetError) in
                try FileMetaInformation.decode(span)
            }
            meta.transferSyntaxUID = syntax
            meta.implementationClassUID = Implementation.classUID
            meta.implementationVersionName = Implementation.versionName
            let encoded = meta.encode()
            start = Int64(encoded.count)
            try output.append(encoded)
        } catch is SystemCallError {
            return CodecReply(.notWritten)
        } catch {
            return CodecReply(.unreadable)
        }
        let status = ccodecs_transcode(
            input.file.descriptor,
            input.offset,
            input.length,
            output.descriptor,
            target,
            fragments,
            CodecLimits.decodedBytes
        )
        return problem(of: status).map { CodecReply($0) } ?? CodecReply(dataSetOffset: start)
    }

    /// Those of one frame among several; nil where the pixel data is native, or all of one frame.
    private static func fragments(of frame: Int, _ input: FileExtent) throws -> ccodecs_fragments? {
        let head = try input.read(at: 0, count: FileMetaInformation.maximumLength)
        let (meta, start) = try head.withRawSpan { span throws(DataSetError) in
            try FileMetaInformation.decode(span)
        }
        let source = KeptDataSet(input, dataSetOffset: Int64(start))
        guard let locator = try PixelDataLocator(source, transferSyntax: meta.transferSyntaxUID),
            case .encapsulated = locator.layout, locator.numberOfFrames > 1,
            (1...locator.numberOfFrames).contains(frame)
        else { return nil }
        let frames = try FrameIndex(locator, source, transferSyntax: meta.transferSyntaxUID).frames
        return ccodecs_fragments(
            first: Int64(frames[..<(frame - 1)].reduce(0) { $0 + $1.count }),
            count: Int64(frames[frame - 1].count)
        )
    }

    private static func number(of syntax: UID) -> Int32? {
        let number =
            switch syntax {
            case TransferSyntax.implicitVRLittleEndian: CCODECS_IMPLICIT_LITTLE_ENDIAN
            case TransferSyntax.explicitVRLittleEndian: CCODECS_EXPLICIT_LITTLE_ENDIAN
            case TransferSyntax.jpegLosslessSV1: CCODECS_JPEG_LOSSLESS_SV1
            case TransferSyntax.jpegLSLossless: CCODECS_JPEG_LS_LOSSLESS
            case TransferSyntax.jpeg2000Lossless: CCODECS_JPEG_2000_LOSSLESS
            case TransferSyntax.jpeg2000: CCODECS_JPEG_2000
            default: -1
            }
        return number < 0 ? nil : Int32(number)
    }

    private static func render(_ input: FileExtent, _ output: OpenFile, _ rendering: Rendering) -> CodecReply
    {
        var wanted = ccodecs_rendering()
        wanted.frame = Int32(clamping: rendering.frame)
        // Where we cannot tell frames apart, the library may.
        if let fragments = try? fragments(of: rendering.frame, input) { wanted.fragments = fragments }
        wanted.is_png = rendering.format == .png ? 1 : 0
        wanted.quality = Int32(clamping: rendering.quality)
        if let window = rendering.window {
            wanted.has_window = 1
            wanted.center = window.center
            wanted.width = window.width
            wanted.function =
                switch window.function {
                case .linear: 0
                case .linearExact: 1
                case .sigmoid: 2
                }
        }
        if let viewport = rendering.viewport {
            wanted.viewport_width = Int32(clamping: viewport.width)
            wanted.viewport_height = Int32(clamping: viewport.height)
            if let region = viewport.region {
                wanted.has_region = 1
                wanted.left = Int32(clamping: region.left)
                wanted.top = Int32(clamping: region.top)
                wanted.region_width = Int32(clamping: region.width)
                wanted.region_height = Int32(clamping: region.height)
            }
        }
        let status = ccodecs_render(
            input.file.descriptor,
            input.offset,
            input.length,
            output.descriptor,
            wanted,
            CodecLimits.decodedBytes
        )
        return problem(of: status).map { CodecReply($0) } ?? CodecReply(dataSetOffset: 0)
    }

    private static func problem(of status: Int32) -> PixelDataError? {
        switch Int(status) {
        case Int(CCODECS_OK): nil
        case Int(CCODECS_UNREADABLE): .unreadable
        case Int(CCODECS_NO_PIXEL_DATA): .noPixelData
        case Int(CCODECS_NO_SUCH_FRAME): .noSuchFrame
        case Int(CCODECS_UNSUPPORTED): .unsupported
        case Int(CCODECS_TOO_LARGE): .tooLarge
        case Int(CCODECS_OUT_OF_MEMORY): .outOfMemory
        case Int(CCODECS_NOT_WRITTEN): .notWritten
        default: .damaged
        }
    }
}
