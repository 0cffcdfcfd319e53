// SPDX-License-Identifier: Apache-2.0

/// An error answer, `application/problem+json` (RFC 9457).
package struct Problem: Codable, Equatable, Sendable, Error {
    package static let mediaType = "application/problem+json"

    package let type: String
    package let title: String
    /// HTTP status code.
    package let status: Int
    /// Dotted code that programs may test: `auth.denied`.
    package let code: String
    package let detail: String?
    /// The resource or the configuration path it is about.
    package let path: String?
    /// What the caller can do.
    package let hint: String?
    /// Number of the event that tells the same story.
    package let trace: String?

    package init(
        status: Int,
        code: String,
        title: String,
        detail: String? = nil,
        path: String? = nil,
        hint: String? = nil,
        trace: String? = nil
    ) {
        type = "urn:drimbox:problem:\(code)"
        self.title = title
        self.status = status
        self.code = code
        self.detail = detail
        self.path = path
        self.hint = hint
        self.trace = trace
    }
}
