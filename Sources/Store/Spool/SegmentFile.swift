// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// A segment's file and how many readers hold its bytes in place.
final class SegmentFile: Sendable {
    let number: Int
    let file: any SpoolFile
    fileprivate let readers = Atomic<Int>(0)

    init(number: Int, file: any SpoolFile) {
        self.number = number
        self.file = file
    }

    /// Grows only while the spool's state is locked, so that 0 seen under that lock stays 0.
    var isRead: Bool { readers.load(ordering: .acquiring) > 0 }
}

/// One reader's hold on a segment: while it lives the segment is neither recycled nor removed.
final class SegmentLease: SharedFile {
    let segment: SegmentFile

    /// Only while the spool's state is locked.
    init(_ segment: SegmentFile) {
        self.segment = segment
        segment.readers.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    deinit {
        segment.readers.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }

    var descriptor: Int32 { segment.file.descriptor }
}
