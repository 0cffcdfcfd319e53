// SPDX-License-Identifier: Apache-2.0

/// Sizes and counts; counts of what happens are since the spool was opened.
package struct SpoolStatistics: Equatable, Sendable {
    package var capacityBytes: Int64 = 0
    /// Space taken from the file system for segments, free ones included.
    package var usedBytes: Int64 = 0
    /// Part of `usedBytes` that is not evicted.
    package var heldBytes: Int64 = 0
    package var segmentBytes: Int64 = 0
    package var segments = 0
    /// Segments a writer has now.
    package var openSegments = 0
    package var instances = 0
    package var studies = 0
    package var evictedInstances = 0
    package var flushes = 0
    package var flushSeconds = 0.0
    package var duplicates = 0
    package var replaced = 0
}

/// How big the spool may get.
package struct SpoolOptions: Equatable, Sendable {
    /// Bytes of disk for all segments; at least two segments.
    package var capacityBytes: Int64
    /// Where a segment ends: no record starts beyond, the last one may end beyond. Rounded up to pages.
    package var segmentBytes: Int64

    package init(capacityBytes: Int64 = 107_374_182_400, segmentBytes: Int64 = 268_435_456) {
        self.capacityBytes = capacityBytes
        self.segmentBytes = segmentBytes
    }

    /// Space is taken from the file system in such steps: 16 MiB, less for small segments.
    var reservationStep: Int64 {
        max(4096, min(16_777_216, segmentBytes / 4) & ~4095)
    }

    /// The options with sizes in pages, or why they make no sense.
    func checked() throws(StoreError) -> SpoolOptions {
        guard (8192...(1 << 40)).contains(segmentBytes) else {
            throw .invalidOptions("segmentBytes: found \(segmentBytes), expected 8192...1099511627776")
        }
        let segment = (segmentBytes + 4095) & ~4095
        guard capacityBytes / 2 >= segment else {
            throw .invalidOptions("capacityBytes: found \(capacityBytes), expected at least \(2 * segment)")
        }
        return SpoolOptions(capacityBytes: capacityBytes, segmentBytes: segment)
    }
}
