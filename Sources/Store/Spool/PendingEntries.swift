// SPDX-License-Identifier: Apache-2.0
import DICOM

/// Committed instances that the index does not have yet.
struct PendingEntries: Sendable {
    /// Entries that make the index thread start at once.
    static let batch = 512
    /// Beyond this the index is not working, and commits are refused rather than memory filled.
    static let limit = 16_384

    /// In the order of their commits.
    private(set) var queue: [CatalogueEntry] = []
    /// The newest of each instance, from the commit until the index has it.
    private var newest: [UID: RecordLocation] = [:]

    var isFull: Bool { queue.count >= Self.limit }

    subscript(uid: UID) -> RecordLocation? { newest[uid] }

    mutating func append(_ entry: CatalogueEntry) {
        queue.append(entry)
        newest[entry.instance.sopInstanceUID] = entry.location
    }

    /// Takes the queue; the entries are still found until `finish`.
    mutating func take() -> [CatalogueEntry] {
        defer { queue = [] }
        return queue
    }

    /// The index has these.
    mutating func finish(_ entries: [CatalogueEntry]) {
        for entry in entries {
            let uid = entry.instance.sopInstanceUID
            if newest[uid]?.sequence == entry.location.sequence { newest[uid] = nil }
        }
    }

    /// The index did not take these.
    mutating func putBack(_ entries: [CatalogueEntry]) {
        queue = entries + queue
    }
}
