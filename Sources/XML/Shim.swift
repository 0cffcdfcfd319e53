// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// Bytes into and out of the C shim.
enum Shim {
    /// Hands `input` to `call`, which is one call of the shim, and its answer to `body`.
    ///
    /// - Throws: what the shim says, or what `body` throws.
    static func call<Answer>(
        _ input: [UInt8],
        limits: XMLLimits = XMLLimits(),
        _ call: (UnsafePointer<UInt8>?, Int, inout cxml_result) -> Void,
        _ body: (Span<UInt8>) throws(XMLError) -> Answer
    ) throws(XMLError) -> Answer {
        try limits.check(input.count)
        var result = unsafe cxml_result()
        unsafe input.withUnsafeBufferPointer { unsafe call($0.baseAddress, $0.count, &result) }
        defer { unsafe cxml_free(&result) }
        let failure = unsafe result.failure
        guard Int(failure.kind) == CXML_OK else { throw XMLError(failure, limits: limits) }
        return try body(unsafe UnsafeBufferPointer(start: result.bytes, count: result.count).span)
    }
}

extension Array where Element == UInt8 {
    init(_ span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

/// A place on a tape of the shim: single bytes, numbers of 32 bits, strings behind their length.
struct TapeReader {
    private(set) var offset = 0

    func isAtEnd(_ tape: borrowing Span<UInt8>) -> Bool { offset >= tape.count }

    mutating func byte(_ tape: borrowing Span<UInt8>) throws(XMLError) -> UInt8 {
        let start = try advance(1, tape)
        return tape[start]
    }

    mutating func number(_ tape: borrowing Span<UInt8>) throws(XMLError) -> Int {
        let start = try advance(4, tape)
        return (0..<4).reduce(0) { $0 | Int(tape[start + $1]) << (8 * $1) }
    }

    mutating func string(_ tape: borrowing Span<UInt8>) throws(XMLError) -> String {
        let count = try number(tape)
        let start = try advance(count, tape)
        do {
            return String(copying: try UTF8Span(validating: tape.extracting(start..<start + count)))
        } catch {
            throw XMLError(.encoding, "found bytes that are not UTF-8")
        }
    }

    mutating func bytes(_ tape: borrowing Span<UInt8>) throws(XMLError) -> [UInt8] {
        let count = try number(tape)
        let start = try advance(count, tape)
        return Array(tape.extracting(start..<start + count))
    }

    private mutating func advance(_ count: Int, _ tape: borrowing Span<UInt8>) throws(XMLError) -> Int {
        guard count <= tape.count - offset else { throw XMLError(.failed, "the shim's answer is cut off") }
        defer { offset += count }
        return offset
    }
}
