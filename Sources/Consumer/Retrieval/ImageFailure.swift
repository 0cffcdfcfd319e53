// SPDX-License-Identifier: Apache-2.0

/// Why an image is not where it is wanted. `description` is for traces; the pages have words for readers.
package enum ImageFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The other box delivered the series without it.
    case gone
    /// It came, and this box could not keep it.
    case notKept(String)
    case interrupted(String)
    /// The series was not to be had.
    case source(ImageSourceError)
    /// What is asked for in the name of a professional needs them to be signed in.
    case signedOut
    /// What cannot be traced is not done.
    case notDone(String)
    /// It was evicted before the archive had it.
    case evicted
    /// The archive's status, such as A700, and what it says of it.
    case archiveRefused(status: String, comment: String?)
    case archiveFailed(String)

    package var description: String {
        switch self {
        case .gone: "the other box has it no longer"
        case .notKept(let reason), .interrupted(let reason), .notDone(let reason): reason
        case .source(let error): "\(error)"
        case .signedOut: "the session ended"
        case .evicted: "it is no longer in this box; open the exam again"
        case .archiveRefused(let status, let comment): "status \(status)" + (comment.map { ": \($0)" } ?? "")
        case .archiveFailed(let reason): "the archive: \(reason)"
        }
    }
}
