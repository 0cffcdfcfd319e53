// SPDX-License-Identifier: Apache-2.0

/// A refusal: the step of the TUF specification (1.0.34, section 5) that failed, for which role, and why.
package struct MetadataError: Error, Equatable, CustomStringConvertible {
    package let step: Step
    /// The role, or the target path in the steps of 5.7.
    package let subject: String
    package let reason: Reason

    package init(step: Step, subject: String, reason: Reason) {
        self.step = step
        self.subject = subject
        self.reason = reason
    }

    package var description: String { "TUF \(step.rawValue): \(subject.shown): \(reason)" }
}

extension MetadataError {
    /// A step of the client workflow, by its number in the specification.
    package enum Step: String, Sendable {
        /// Load trusted root metadata.
        case loadRoot = "5.2"
        /// Try downloading version N+1 of the root metadata file.
        case fetchRoot = "5.3.3"
        /// Arbitrary software attack: a threshold of the old and of the new keys.
        case rootSignatures = "5.3.4"
        /// Rollback attack: the version is N+1.
        case rootVersion = "5.3.5"
        /// Freeze attack: the last root has not expired.
        case rootExpiry = "5.3.10"
        case fetchTimestamp = "5.4.1"
        case timestampSignatures = "5.4.2"
        /// Rollback attack: the timestamp's version.
        case timestampVersion = "5.4.3.1"
        /// Rollback attack: the version of the snapshot that the timestamp names.
        case timestampSnapshotVersion = "5.4.3.2"
        case timestampExpiry = "5.4.4"
        case fetchSnapshot = "5.5.1"
        /// Mix-and-match attack: the hashes in the timestamp.
        case snapshotHash = "5.5.2"
        case snapshotSignatures = "5.5.3"
        case snapshotVersion = "5.5.4"
        /// Rollback attack: the versions of the targets roles in the snapshot.
        case snapshotTargetsVersions = "5.5.5"
        case snapshotExpiry = "5.5.6"
        case fetchTargets = "5.6.1"
        /// Mix-and-match attack: the hashes in the snapshot.
        case targetsHash = "5.6.2"
        case targetsSignatures = "5.6.3"
        case targetsVersion = "5.6.4"
        case targetsExpiry = "5.6.5"
        /// There is no metadata about this target.
        case noTarget = "5.7.2"
        /// The target's length and hashes.
        case target = "5.7.3"
    }

    package enum Reason: Equatable, Sendable, CustomStringConvertible {
        case format(FormatError)
        /// The repository does not have the file.
        case unavailable
        /// A file longer than the limit, in bytes. Reading stops there: how much more there is stays unknown.
        case tooLong(limit: Int)
        /// A file shorter than stated, in bytes.
        case length(found: Int, required: Int)
        case hash(algorithm: String, found: String, required: String)
        /// Signatures of different keys that are valid.
        case threshold(valid: Int, required: Int)
        case version(found: Int, required: Int)
        /// `name`: the role whose version is lower than the trusted one.
        case rollback(name: String, found: Int, trusted: Int)
        /// A role that the trusted snapshot lists, but the new one does not.
        case noLongerListed(name: String)
        /// A role that the snapshot does not list.
        case notListed
        case expired(at: UTCTime, startTime: UTCTime)
        /// No delegation search found the target.
        case noSuchTarget
        /// The workflow's earlier step that has not been done.
        case requires(String)

        package var description: String {
            switch self {
            case .format(let error): "\(error)"
            case .unavailable: "the repository does not have the file"
            case .tooLong(let limit): "length: found more than \(limit) bytes, allowed \(limit)"
            case .length(let found, let required): "length: found \(found) bytes, required \(required)"
            case .hash(let algorithm, let found, let required):
                "\(algorithm): found \(found), required \(required)"
            case .threshold(let valid, let required): "signatures: found \(valid) valid, required \(required)"
            case .version(let found, let required): "version: found \(found), required \(required)"
            case .rollback(let name, let found, let trusted):
                "version of \(name.shown): found \(found), trusted \(trusted)"
            case .noLongerListed(let name): "\(name.shown): no longer listed"
            case .notListed: "not listed in the snapshot"
            case .expired(let expiry, let startTime):
                "expired at \(expiry), the update started at \(startTime)"
            case .noSuchTarget: "no such target"
            case .requires(let step): "needs \(step) first"
            }
        }
    }
}
