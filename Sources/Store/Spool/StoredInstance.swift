// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Glibc
package import Linux

/// An instance in the spool, pinned: its bytes stay where they are as long as `extent.file` is held.
package struct StoredInstance: Sendable {
    package let sopInstanceUID: UID
    package let sopClassUID: UID
    package let studyInstanceUID: UID
    package let seriesInstanceUID: UID
    package let transferSyntax: UID
    package let seriesNumber: Int?
    package let instanceNumber: Int?
    /// The Part 10 file (PS3.10 7) inside its segment.
    package let extent: FileExtent
    /// Where the data set starts in `extent`, after the file meta information.
    package let dataSetOffset: Int64
    /// Milliseconds since 1970.
    package let received: Int64

    private let lease: SegmentLease

    init(_ entry: CatalogueEntry, lease: SegmentLease) {
        sopInstanceUID = entry.instance.sopInstanceUID
        sopClassUID = entry.instance.sopClassUID
        studyInstanceUID = entry.instance.studyInstanceUID
        seriesInstanceUID = entry.instance.seriesInstanceUID
        transferSyntax = entry.location.transferSyntax
        seriesNumber = entry.instance.seriesNumber
        instanceNumber = entry.instance.instanceNumber
        extent = FileExtent(file: lease, offset: entry.location.payloadOffset, length: entry.location.length)
        dataSetOffset = Int64(entry.location.dataSetOffset)
        received = entry.received
        self.lease = lease
    }

    /// The bytes of the Part 10 file from `offset` on: `count` of them, fewer where it ends. Throws when the
    /// segment has lost them.
    package func bytes(at offset: Int64, count: Int) throws(StoreError) -> [UInt8] {
        let available = max(0, min(Int64(count), extent.length - offset))
        guard offset >= 0, available > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(available))
        do throws(SystemCallError) {
            let read = try unsafe bytes.withUnsafeMutableBufferPointer { (buffer) throws(SystemCallError) in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                return try unsafe lease.segment.file.read(into: bytes, at: extent.offset + offset)
            }
            if read == bytes.count { return bytes }
        } catch {
            throw .system(error)
        }
        throw .system(SystemCallError(call: "pread", subject: "segment \(lease.segment.number)", errno: EIO))
    }
}
