// SPDX-License-Identifier: Apache-2.0

/// Why a request to another box or archive did not do what it was for.
package enum DICOMwebError: Error, Equatable, Sendable {
    case notConnected(String)
    /// TLS: the server's certificate is not one of whom we ask, or ours is not one for the server.
    case untrusted(String)
    case timedOut(String)
    /// 3xx: where it leads is not followed, since a token would go along.
    case redirected(status: Int)
    /// `retryAfter` in seconds, where the server named it.
    case refused(status: Int, retryAfter: Int?)
    case notMultipart(found: String)
    case invalidBody(String)
    /// The connection ended in the middle of the body.
    case cut(String)
    case invalidURL

    package var isTransient: Bool {
        switch self {
        case .notConnected, .timedOut, .cut: true
        case .refused(let status, _): status == 408 || status == 429 || status >= 500
        case .untrusted, .redirected, .notMultipart, .invalidBody, .invalidURL: false
        }
    }
}

extension DICOMwebError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notConnected(let reason): "no connection: \(reason)"
        case .untrusted(let reason):
            "TLS: found no certificate to be trusted, expected the host's (\(reason))"
        case .timedOut(let what): "\(what): found nothing in time, expected an answer"
        case .redirected(let status): "status: found \(status), expected no redirection"
        case .refused(let status, _): "status: found \(status), expected 200"
        case .notMultipart(let found):
            "Content-Type: found \(found), expected multipart/related; type=\"application/dicom\""
        case .invalidBody(let reason): reason
        case .cut(let reason): "body: found its end, expected more (\(reason))"
        case .invalidURL: "URL: found another, expected http or https with a host"
        }
    }
}
