// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// What happened in the spool that somebody may want to know. UIDs only, no patient identity.
package enum SpoolEvent: Equatable, Sendable, CustomStringConvertible {
    /// An instance came again with another data set; the newer one counts.
    case replaced(sopInstanceUID: UID, segment: Int)
    /// A segment was emptied for others.
    case evicted(segment: Int, instances: Int)
    /// At the start, records beyond the index were found in the log.
    case recovered(segments: Int, instances: Int)
    /// The index was made anew from the log.
    case indexRebuilt(instances: Int, reason: String)
    /// A record whose bytes are not those that were written; nil when its header is unreadable too. A record
    /// that a power cut left unfinished looks the same.
    case damaged(segment: Int, offset: Int64, sopInstanceUID: UID?)
    /// The index takes no entries; the log does, and the entries wait.
    case indexFailed(reason: String)

    package var description: String {
        switch self {
        case .replaced(let uid, let segment):
            "instance \(uid): another data set than before, now in segment \(segment)"
        case .evicted(let segment, let instances): "segment \(segment): evicted \(instances) instances"
        case .recovered(let segments, let instances):
            "spool: recovered \(instances) instances of \(segments) segments from the log"
        case .indexRebuilt(let instances, let reason): "index: rebuilt with \(instances) instances: \(reason)"
        case .damaged(let segment, let offset, let uid):
            "segment \(segment): offset \(offset): record of \(uid.map { "\($0)" } ?? "unknown instance") is damaged"
        case .indexFailed(let reason): "index: entries wait in memory: \(reason)"
        }
    }
}
