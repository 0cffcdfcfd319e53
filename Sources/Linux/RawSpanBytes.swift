// SPDX-License-Identifier: Apache-2.0
import Glibc

// Reading a RawSpan: every access is checked against its end and traps beyond it, so that parsers above need no
// unsafe code. Integers are plain bytes for which every bit pattern is a value.
extension RawSpan {
    /// The byte at `offset`.
    @inlinable
    package subscript(offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The little endian integer at `offset`; no alignment needed.
    @inlinable
    package func littleEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type,
        at offset: Int
    ) -> Integer {
        Integer(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// The big endian integer at `offset`; no alignment needed.
    @inlinable
    package func bigEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type,
        at offset: Int
    ) -> Integer {
        Integer(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// A copy of the bytes in `range`.
    package func array(_ range: Range<Int>) -> [UInt8] {
        unsafe extracting(range).withUnsafeBytes { unsafe Array($0) }
    }

    /// The bytes in `range` as UTF-8; what is not UTF-8 becomes U+FFFD.
    package func string(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension RawSpan {
    /// Where `byte` is found first at `start` or behind it; nil where it is not (memchr(3)).
    package func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < byteCount else { return nil }
        return unsafe withUnsafeBytes { all in
            guard let base = all.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), all.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}

extension Array where Element == UInt8 {
    /// Appends a copy of the bytes in `range`.
    package mutating func append(_ bytes: RawSpan, _ range: Range<Int>) {
        unsafe bytes.extracting(range).withUnsafeBytes { unsafe append(contentsOf: $0) }
    }

    /// Lends the elements as raw bytes, without a copy.
    @inlinable
    package func withRawSpan<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe span.bytes)
    }
}
