// SPDX-License-Identifier: Apache-2.0

/// Checks a target while it arrives (TUF 5.7.3): no more than its length is taken, and its hashes at the end.
package struct TargetVerifier: Sendable {
    private let target: TargetFile
    private var verifier: HashVerifier
    package private(set) var length = 0

    package init(_ target: TargetFile) {
        self.target = target
        verifier = HashVerifier(target.hashes)
    }

    package mutating func take(_ bytes: [UInt8]) throws(MetadataError) {
        if bytes.count > target.length - length {
            throw MetadataError(
                step: .target,
                subject: target.path,
                reason: .tooLong(limit: target.length)
            )
        }
        length += bytes.count
        verifier.update(bytes)
    }

    /// Nothing more comes.
    package func finish() throws(MetadataError) {
        var reason: MetadataError.Reason?
        if length < target.length {
            reason = .length(found: length, required: target.length)
        } else {
            reason = verifier.mismatch()
        }
        if let reason { throw MetadataError(step: .target, subject: target.path, reason: reason) }
    }
}
