// SPDX-License-Identifier: Apache-2.0
import DICOM
import Glibc
import Linux

/// A data set that is sent in runs of its file with other bytes in between.
struct DataSetPieces {
    private enum Content {
        /// From this position of the file extent on.
        case file(Int64)
        case bytes([UInt8])
    }

    private struct Piece {
        /// In what is sent.
        let range: Range<Int64>
        let content: Content
    }

    private let file: FileExtent
    /// None empty; one ends where the next begins.
    private let pieces: [Piece]
    /// Bytes that are sent.
    let length: Int64

    /// `edits` in ascending order, of the data set that begins at `dataSetOffset` of `file`.
    init(_ file: FileExtent, _ dataSetOffset: Int64, _ edits: [DataSetEdit]) {
        var pieces: [Piece] = []
        var end: Int64 = 0
        func add(_ content: Content, _ count: Int64) {
            guard count > 0 else { return }
            pieces.append(Piece(range: end..<end + count, content: content))
            end += count
        }
        var position = dataSetOffset
        for edit in edits {
            let lower = dataSetOffset + Int64(edit.range.lowerBound)
            add(.file(position), lower - position)
            add(.bytes(edit.bytes), Int64(edit.bytes.count))
            position = dataSetOffset + Int64(edit.range.upperBound)
        }
        add(.file(position), file.length - position)
        self.file = file
        self.pieces = pieces
        length = end
    }

    /// Where these bytes lie in the file as one run; nil where they do not.
    func filePosition(_ position: Int64, _ count: Int) -> Int64? {
        guard let piece = pieces.first(where: { $0.range.contains(position) }),
            position + Int64(count) <= piece.range.upperBound, case .file(let start) = piece.content
        else { return nil }
        return start + position - piece.range.lowerBound
    }

    /// The bytes, of which some are not in the file. One read for all runs that lie within `count` bytes and
    /// what edits remove between them, unless that is much more.
    func read(at position: Int64, count: Int) throws(SystemCallError) -> [UInt8] {
        let wanted = position..<position + Int64(count)
        let parts = pieces.filter { $0.range.overlaps(wanted) }
            .map {
                Piece(
                    range: $0.range.clamped(to: wanted),
                    content: Self.content(of: $0, from: wanted.lowerBound)
                )
            }
        let runs = parts.compactMap { part -> Range<Int64>? in
            guard case .file(let start) = part.content else { return nil }
            return start..<start + Int64(part.range.count)
        }
        var window: (start: Int64, bytes: [UInt8])?
        if let first = runs.first, let last = runs.last,
            last.upperBound - first.lowerBound <= 2 * Int64(count)
        {
            let length = Int(last.upperBound - first.lowerBound)
            window = (first.lowerBound, try read(first.lowerBound, length))
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for part in parts {
            switch part.content {
            case .bytes(let content): bytes += content.prefix(part.range.count)
            case .file(let start):
                if let window {
                    let lower = Int(start - window.start)
                    bytes += window.bytes[lower..<lower + part.range.count]
                } else {
                    bytes += try read(start, part.range.count)
                }
            }
        }
        return bytes
    }

    private static func content(of piece: Piece, from position: Int64) -> Content {
        let skipped = max(0, position - piece.range.lowerBound)
        return switch piece.content {
        case .file(let start): .file(start + skipped)
        case .bytes(let bytes): .bytes(Array(bytes.dropFirst(Int(skipped))))
        }
    }

    /// - Throws: EIO where the file has become shorter.
    private func read(_ position: Int64, _ count: Int) throws(SystemCallError) -> [UInt8] {
        let bytes = try file.read(at: position, count: count)
        guard bytes.count == count else {
            throw SystemCallError(call: "pread", subject: "fd \(file.file.descriptor)", errno: EIO)
        }
        return bytes
    }
}
