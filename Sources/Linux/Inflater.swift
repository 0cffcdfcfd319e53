// SPDX-License-Identifier: Apache-2.0
import CZlib
import Synchronization

/// A raw deflate stream (RFC 1951, no zlib header) turned back into bytes, piece by piece: the caller's buffer
/// bounds what one call can produce. A reference, since zlib's state knows its own address.
package final class Inflater: Sendable {
    @safe
    private struct State: ~Copyable {
        let stream: UnsafeMutablePointer<z_stream>
        var hasEnded = false

        deinit {
            unsafe inflateEnd(stream)
            unsafe stream.deinitialize(count: 1)
            unsafe stream.deallocate()
        }
    }

    private let state: Mutex<State>

    package init() throws(InflateError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe czlib_inflate_init_raw(stream)
        guard result == Z_OK else {
            unsafe stream.deallocate()
            throw InflateError(code: result, offset: 0)
        }
        state = Mutex(unsafe State(stream: stream))
    }

    /// Inflates from `input` at `offset` into `output`, overwriting it from its start. Returns how many bytes of
    /// `output` are filled and moves `offset` past what was read. Nothing more comes when the result is 0 and all
    /// input is read, or after the stream's end.
    package func inflate(
        _ input: RawSpan,
        _ offset: inout Int,
        into output: inout [UInt8]
    ) throws(InflateError) -> Int {
        let start = offset
        let step = state.withLock { state in
            unsafe input.extracting(start..<input.byteCount).withUnsafeBytes { source in
                unsafe output.withUnsafeMutableBytes { unsafe Self.step(&state, source, $0) }
            }
        }
        offset += step.read
        // What precedes a broken block is worth having: zlib repeats its complaint at the next call.
        guard step.code >= Z_OK || step.code == Z_BUF_ERROR || step.written > 0 else {
            throw InflateError(code: step.code, offset: offset)
        }
        return step.written
    }

    /// Whether the stream's final block has been read; input behind it is ignored.
    package var hasEnded: Bool { state.withLock { $0.hasEnded } }

    private static func step(
        _ state: inout State,
        _ source: UnsafeRawBufferPointer,
        _ target: UnsafeMutableRawBufferPointer
    ) -> (code: Int32, read: Int, written: Int) {
        guard !state.hasEnded else { return (Z_STREAM_END, source.count, 0) }
        let available = UInt32(clamping: source.count)
        let room = UInt32(clamping: target.count)
        let stream = unsafe state.stream
        // zlib reads through next_in and does not write there.
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: source.bindMemory(to: UInt8.self).baseAddress
        )
        unsafe stream.pointee.avail_in = available
        unsafe stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
        unsafe stream.pointee.avail_out = room
        let code = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
        state.hasEnded = code == Z_STREAM_END
        return unsafe (
            code, Int(available - stream.pointee.avail_in), Int(room - stream.pointee.avail_out)
        )
    }
}

/// A deflate stream that cannot be read.
package struct InflateError: Error, Equatable, CustomStringConvertible {
    /// zlib's result, such as Z_DATA_ERROR (-3).
    package let code: Int32
    /// Bytes into the input of the call.
    package let offset: Int

    package var description: String {
        "deflate stream: at input byte \(offset): found zlib result \(code), expected a readable block"
    }
}
