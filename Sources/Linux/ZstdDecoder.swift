// SPDX-License-Identifier: Apache-2.0
import CZstd
import Synchronization

/// Zstandard frames (RFC 8878) turned back into the bytes they hold, one whole frame at a time.
///
/// A frame is decoded in one step into memory of the size that the caller expects: it can neither produce more than
/// that nor make the library allocate a window. A reference, since the library's context has a place of its own.
package final class ZstdDecoder: Sendable {
    /// Base 2 logarithm of the largest window, in bytes, that a frame may ask for: what `zstd --long=25` makes.
    package static let maximumWindowLog = 25

    @safe
    private struct Context: ~Copyable {
        let pointer: OpaquePointer

        deinit {
            unsafe ZSTD_freeDCtx(pointer)
        }
    }

    private let context: Mutex<Context>

    package init() throws(ZstdError) {
        guard let pointer = unsafe ZSTD_createDCtx() else { throw .library("no memory for a context") }
        context = Mutex(unsafe Context(pointer: pointer))
    }

    /// Makes the content of the one frame that `range` of `bytes` is, which must be `count` bytes, that of `output`.
    ///
    /// `prefix` is what the frame was made against, if anything (`ZSTD_CCtx_refPrefix`, `zstd --patch-from`). The frame
    /// states its content's size; a dictionary's number, further frames and bytes behind it are refused, and leave
    /// `output` without content.
    package func decode(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        count: Int,
        prefix: TransferBuffer? = nil,
        into output: TransferBuffer
    ) throws(ZstdError) {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            throw .frameLength(found: max(0, bytes.count - range.lowerBound), expected: range.count)
        }
        let header = try FrameHeader(bytes[range])
        try header.check(count: count)
        guard count <= output.capacity else { throw .library("no room for \(count) bytes") }
        let (filled, length, code) = context.withLock { context in
            unsafe output.fill { memory in
                let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
                let result = unsafe bytes.withUnsafeBytes { whole in
                    let frame = unsafe UnsafeRawBufferPointer(rebasing: whole[range])
                    guard let prefix else {
                        let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
                        return unsafe Self.decode(&context, frame, none, target)
                    }
                    return unsafe prefix.lend { unsafe Self.decode(&context, frame, $0, target) }
                }
                let isWhole = result.filled == count && result.length == range.count
                return (isWhole ? 0..<count : 0..<0, result)
            }
        }
        if ZSTD_isError(length) != 0 { throw .library(Self.name(of: length)) }
        guard length == range.count else { throw .frameLength(found: range.count, expected: length) }
        if ZSTD_isError(code) != 0 { throw .library(Self.name(of: code)) }
        guard filled == count else { throw .contentSize(found: filled, expected: count) }
    }

    /// `length` is what the library says of the frame's own length, `code` of its content's.
    private static func decode(
        _ context: inout Context,
        _ frame: UnsafeRawBufferPointer,
        _ prefix: UnsafeRawBufferPointer,
        _ output: UnsafeMutableRawBufferPointer
    ) -> (filled: Int, length: Int, code: Int) {
        let length = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
        guard ZSTD_isError(length) == 0, length == frame.count else { return (0, length, 0) }
        // The library keeps the prefix's address until the frame is decoded, and not longer.
        var code = unsafe ZSTD_DCtx_refPrefix(context.pointer, prefix.baseAddress, prefix.count)
        guard ZSTD_isError(code) == 0 else { return (0, length, code) }
        unsafe code = ZSTD_decompressDCtx(
            context.pointer,
            output.baseAddress,
            output.count,
            frame.baseAddress,
            frame.count
        )
        return (ZSTD_isError(code) == 0 ? code : 0, length, code)
    }

    private static func name(of code: Int) -> String { unsafe String(cString: ZSTD_getErrorName(code)) }
}

/// What a frame says of itself before its first block (RFC 8878, 3.1.1.1).
private struct FrameHeader {
    /// Bytes; nil where the frame does not say.
    let contentSize: UInt64?
    /// Bytes; nil where the whole content is the window.
    let windowSize: UInt64?
    let dictionary: UInt64

    init(_ frame: ArraySlice<UInt8>) throws(ZstdError) {
        var rest = frame
        guard try Self.number(4, &rest) == 0xFD2F_B528 else { throw .notAFrame }
        let descriptor = try Self.number(1, &rest)
        if descriptor & 0x08 != 0 { throw .library("reserved bit of the frame header is set") }
        let isSingleSegment = descriptor & 0x20 != 0
        if isSingleSegment {
            windowSize = nil
        } else {
            let window = try Self.number(1, &rest)
            let base = UInt64(1) << (10 + window >> 3)
            windowSize = base + base / 8 * (window & 7)
        }
        dictionary = try Self.number([0, 1, 2, 4][Int(descriptor & 3)], &rest)
        let sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
        let size = try Self.number(sizeBytes, &rest)
        // Two bytes begin where one ends.
        contentSize = sizeBytes == 0 ? nil : sizeBytes == 2 ? size + 256 : size
    }

    private static func number(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws(ZstdError) -> UInt64 {
        guard rest.count >= count else { throw .notAFrame }
        let value = rest.prefix(count).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        rest = rest.dropFirst(count)
        return value
    }

    func check(count: Int) throws(ZstdError) {
        guard let contentSize, contentSize == UInt64(count) else {
            throw .contentSize(found: contentSize.map { Int(clamping: $0) }, expected: count)
        }
        if let windowSize, windowSize > 1 << ZstdDecoder.maximumWindowLog {
            throw .window(found: Int(clamping: windowSize))
        }
        if dictionary != 0 { throw .dictionary(Int(clamping: dictionary)) }
    }
}

/// A Zstandard frame that is not what was expected.
package enum ZstdError: Error, Equatable, CustomStringConvertible {
    /// It has no frame's magic number, or ends within its header.
    case notAFrame
    /// Bytes of the content that the frame states, nil where it states none.
    case contentSize(found: Int?, expected: Int)
    /// Bytes of the window that the frame asks for.
    case window(found: Int)
    /// The number of the dictionary that the frame asks for.
    case dictionary(Int)
    /// Bytes given, and bytes that the frame has.
    case frameLength(found: Int, expected: Int)
    /// What the library says, such as "Restored data doesn't match checksum".
    case library(String)

    package var description: String {
        let text =
            switch self {
            case .notAFrame: "found no frame header, expected one"
            case .contentSize(let found, let expected):
                "content: found \(found.map { "\($0) bytes" } ?? "no size"), expected \(expected) bytes"
            case .window(let found):
                "window: found \(found) bytes, expected at most \(1 << ZstdDecoder.maximumWindowLog)"
            case .dictionary(let number): "found dictionary \(number), expected none"
            case .frameLength(let found, let expected): "found \(found) bytes, expected \(expected)"
            case .library(let message): "found \"\(message)\", expected readable blocks"
            }
        return "Zstandard frame: \(text)"
    }
}
