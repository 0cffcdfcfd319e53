// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore

/// Writes C-STORE requests out of files: P-DATA-TF headers between the pieces of one large read, one write for
/// each. What is queued does not depend on the size of an instance.
struct StoreSender {
    /// Bytes of data set per read and write.
    static let chunk = 1 << 20
    /// Larger PDUs gain nothing (reference: a gathered write costs the same at 16 KiB and at 1 MiB).
    private static let maximumPDULength = 1 << 17
    private static let headerLength = 12

    private struct Current {
        let instance: StorableInstance
        let contextID: UInt8
        /// In the file; with `pieces` in what these make.
        var position: Int64
        /// Where `position` ends.
        let end: Int64
        /// Nil where the data set is sent as it lies.
        let pieces: DataSetPieces?
    }

    private let maximumPDULength: Int
    private var current: Current?
    /// Buffers whose write is over, to be filled again.
    private var spare: [ByteBuffer] = []

    init(peerMaximumPDULength: Int) {
        let offered = peerMaximumPDULength == 0 ? Self.maximumPDULength : peerMaximumPDULength
        maximumPDULength = max(DIMSEMessageEncoder.valueHeaderLength + 2, min(offered, Self.maximumPDULength))
    }

    /// Whether an instance has begun and not ended.
    var isSending: Bool { current != nil }

    /// The request's command set; its data set is what `next` returns from here.
    mutating func begin(
        _ request: CStoreRQ,
        _ instance: StorableInstance,
        _ edits: [DataSetEdit] = [],
        contextID: UInt8
    ) -> [UInt8] {
        let pieces = edits.isEmpty ? nil : DataSetPieces(instance.file, instance.dataSetOffset, edits)
        current = Current(
            instance: instance,
            contextID: contextID,
            position: pieces == nil ? instance.dataSetOffset : 0,
            end: pieces?.length ?? instance.file.length,
            pieces: pieces
        )
        return DIMSEMessageEncoder.pDataTF(
            contextID: contextID,
            command: request.commandSet.encode(),
            maximumLength: maximumPDULength
        )
    }

    /// The next PDUs of the data set, after `head`.
    mutating func next(head: ByteBuffer?, allocator: ByteBufferAllocator) throws(SystemCallError)
        -> ByteBuffer
    {
        var buffer = spare.popLast() ?? allocator.buffer(capacity: Self.chunk + (64 << 10))
        buffer.clear()
        if var head { buffer.writeBuffer(&head) }
        guard var current else { return buffer }
        // Fragments have even lengths: some peers insist.
        let room = (maximumPDULength - DIMSEMessageEncoder.valueHeaderLength) & ~1
        let left = current.end - current.position
        let most = min(Self.chunk / room + 1, FileExtent.maximumPieces) * room
        let count = Int(min(left, Int64(most)))
        let start = buffer.writerIndex
        let pieces = (count + room - 1) / room
        if let position = current.pieces.map({ $0.filePosition(current.position, count) }) ?? current.position
        {
            try buffer.writeWithOutputRawSpan(minimumWritableBytes: count + pieces * Self.headerLength) {
                (output) throws(SystemCallError) in
                try current.instance.file.read(
                    at: position,
                    count: count,
                    pieceLength: room,
                    gap: Self.headerLength,
                    into: &output
                )
            }
        } else if let bytes = try current.pieces?.read(at: current.position, count: count) {
            buffer.reserveCapacity(minimumWritableBytes: count + pieces * Self.headerLength)
            for offset in stride(from: 0, to: count, by: room) {
                buffer.writeRepeatingByte(0, count: Self.headerLength)
                buffer.writeBytes(bytes[offset..<min(offset + room, count)])
            }
        }
        current.position += Int64(count)
        let isLast = current.position == current.end
        for index in 0..<pieces {
            let length = min(room, count - index * room)
            let offset = start + index * (room + Self.headerLength)
            let ends = isLast && index == pieces - 1
            Self.writeHeader(&buffer, at: offset, count: length, contextID: current.contextID, isLast: ends)
        }
        self.current = isLast ? nil : current
        return buffer
    }

    /// Forgets the instance that was begun.
    mutating func abandon() {
        current = nil
    }

    /// Takes back a buffer whose write is over.
    mutating func recycle(_ buffer: ByteBuffer) {
        if spare.count < 2 { spare.append(buffer) }
    }

    /// PS3.8 Table 9-22, 9-23 and E.2.
    private static func writeHeader(
        _ buffer: inout ByteBuffer,
        at offset: Int,
        count: Int,
        contextID: UInt8,
        isLast: Bool
    ) {
        buffer.setInteger(UInt16(PDU.dataTFType) << 8, at: offset)
        buffer.setInteger(UInt32(count + 6), at: offset + 2)
        buffer.setInteger(UInt32(count + 2), at: offset + 6)
        buffer.setInteger(contextID, at: offset + 10)
        buffer.setInteger(UInt8(isLast ? 2 : 0), at: offset + 11)
    }
}
