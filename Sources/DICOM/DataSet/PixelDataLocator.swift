// SPDX-License-Identifier: Apache-2.0
import Linux

/// Where pixel data lies in a stored data set, and how it is laid out (PS3.5 8, A.4).
package struct PixelDataLocator: Equatable, Sendable {
    package enum Layout: Equatable, Sendable {
        /// One run of bytes, frame behind frame.
        case native(Range<Int>)
        /// Fragments from this offset on: first the Basic Offset Table's item.
        case encapsulated(Int)
    }

    package let layout: Layout
    /// 1 where the data set does not say (PS3.3 C.7.6.6.1.1).
    package private(set) var numberOfFrames = 1
    package private(set) var rows = 0
    package private(set) var columns = 0
    package private(set) var samplesPerPixel = 1
    package private(set) var bitsAllocated = 0
    /// YBR_FULL_422: two samples for each pixel instead of three (PS3.3 C.7.6.3.1.2).
    package private(set) var isSubsampled = false
    /// Extended Offset Table (7FE0,0001) and its lengths (7FE0,0002), as values.
    private(set) var extendedOffsets: Range<Int>?
    private(set) var extendedLengths: Range<Int>?

    /// Bits of one native frame.
    package var frameBits: Int {
        rows * columns * bitsAllocated * (isSubsampled ? 2 : samplesPerPixel)
    }

    /// Nil where the data set has no pixel data of its own.
    package init?(_ source: some DataSetSource, transferSyntax: UID) throws(DataSetError) {
        guard transferSyntax != TransferSyntax.deflatedExplicitVRLittleEndian else { return nil }
        var search = ElementSearch(source, transferSyntax: transferSyntax)
        var values = Values(encoding: ElementEncoding(transferSyntax: transferSyntax))
        var found: Layout?
        try search.forEach { (header, offset, window) throws(DataSetError) in
            let range = offset..<offset + header.length
            switch header.tag {
            case .pixelData, .floatPixelData, .doubleFloatPixelData:
                found = header.hasUndefinedLength ? .encapsulated(offset) : .native(range)
                return false
            case Tag(0x7FE0, 0x0001): values.extendedOffsets = range
            case Tag(0x7FE0, 0x0002): values.extendedLengths = range
            case let tag where tag.group == 0x0028 && (1...16).contains(header.length):
                values.take(tag, try window.value(tag, at: offset, count: header.length))
            default: break
            }
            return header.tag < .pixelData
        }
        guard let found else { return nil }
        layout = found
        numberOfFrames = max(values.numberOfFrames, 1)
        rows = values.rows
        columns = values.columns
        samplesPerPixel = max(values.samplesPerPixel, 1)
        bitsAllocated = values.bitsAllocated
        isSubsampled = values.isSubsampled
        extendedOffsets = values.extendedOffsets
        extendedLengths = values.extendedLengths
    }

    /// Of an icon or other nested pixel data: all its fragments are one frame.
    package init(_ value: LocatedValue) {
        layout = value.hasUndefinedLength ? .encapsulated(value.range.lowerBound) : .native(value.range)
    }

    private struct Values {
        let encoding: ElementEncoding
        var numberOfFrames = 1
        var rows = 0
        var columns = 0
        var samplesPerPixel = 1
        var bitsAllocated = 0
        var isSubsampled = false
        var extendedOffsets: Range<Int>?
        var extendedLengths: Range<Int>?

        mutating func take(_ tag: Tag, _ value: [UInt8]) {
            switch tag.element {
            case 0x0002: samplesPerPixel = integer(value)
            case 0x0004: isSubsampled = text(value) == "YBR_FULL_422"
            case 0x0008: numberOfFrames = Int(text(value)) ?? 1
            case 0x0010: rows = integer(value)
            case 0x0011: columns = integer(value)
            case 0x0100: bitsAllocated = integer(value)
            default: break
            }
        }

        private func integer(_ value: [UInt8]) -> Int {
            value.count >= 2 ? value.withRawSpan { Int(encoding.uint16($0, at: 0)) } : 0
        }

        private func text(_ value: [UInt8]) -> String {
            value.withRawSpan { $0.trimmedString(0..<value.count) }
        }
    }
}
