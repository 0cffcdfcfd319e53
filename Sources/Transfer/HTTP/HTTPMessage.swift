// SPDX-License-Identifier: Apache-2.0
package import Linux
package import NIOHTTP1

/// A request with its body, which is small: what is large is not for this interface.
package struct HTTPRequest: Sendable {
    package let method: HTTPMethod
    /// The path as it was sent, percent-encoded, without the query.
    package let path: String
    /// What follows "?", percent-encoded; may hold patient identity, so it never goes into a log.
    package let query: String
    package let headers: HTTPHeaders
    package let body: [UInt8]
    /// Nil where the connection is plain text.
    package let security: Security?

    /// What TLS knows of the client.
    package struct Security: Sendable {
        /// What the client called us (RFC 6066 3).
        package let serverName: String?
        /// Nil where none was asked for.
        package let certificate: PeerCertificate?
    }

    package init(
        method: HTTPMethod,
        uri: String,
        headers: HTTPHeaders,
        body: [UInt8] = [],
        security: Security? = nil
    ) {
        let pieces = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        path = String(pieces.first ?? "")
        query = pieces.count > 1 ? String(pieces[1]) : ""
        self.headers = headers
        self.body = body
        self.security = security
    }

    /// Whether the Host header names another than the handshake did: the policy of one name must not be had under
    /// another (RFC 9110 7.4).
    var isMisdirected: Bool {
        guard let name = security?.serverName, let host = headers.first(name: "Host") else { return false }
        let end = host.lastIndex(of: ":") ?? host.endIndex
        return host[..<end].lowercased() != name
    }
}

package struct HTTPResponse: Sendable {
    package var status: HTTPResponseStatus
    package var headers: HTTPHeaders
    package var body: HTTPBody

    package init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: HTTPBody = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Adds a warning for a person (RFC 7234 5.5, as PS3.18 8.4.3 uses it).
    mutating func warn(_ text: String) {
        headers.add(name: "Warning", value: "299 - \"\(text)\"")
    }

    /// A short answer for a person, one line.
    package static func text(_ status: HTTPResponseStatus, _ message: String) -> Self {
        Self(
            status,
            headers: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(Array((message + "\n").utf8))
        )
    }
}

package enum HTTPBody: Sendable {
    case bytes([UInt8])
    /// Bytes out of files, sent by sendfile(2). `length` is the sum of all parts, so that nothing needs chunking;
    /// parts are asked for one by one, so that memory does not grow with their number.
    case parts(count: Int, length: Int64, part: @Sendable (Int) -> HTTPBodyPart)
    /// Parts as they come, each of them bytes out of a file; sent chunked. A stream that fails ends the connection
    /// without the last chunk, so that nobody takes the response for whole.
    case arriving(any AsyncSequence<HTTPBodyPart, any Error> & Sendable)
    /// Pieces as they come; sent chunked, ends with the stream.
    case stream(AsyncStream<[UInt8]>)

    var length: Int64? {
        switch self {
        case .bytes(let bytes): Int64(bytes.count)
        case .parts(_, let length, _): length
        case .arriving, .stream: nil
        }
    }
}

package struct HTTPBodyPart: Sendable {
    package let head: [UInt8]
    package let extent: FileExtent?

    package init(head: [UInt8], extent: FileExtent?) {
        self.head = head
        self.extent = extent
    }
}

/// Answers requests. Runs on worker threads, never on an event loop: it may read the index and files, and wait for
/// others without holding a thread.
package protocol HTTPResponder: Sendable {
    func respond(to request: HTTPRequest) async -> HTTPResponse

    /// Who takes the body of a request that may be large; nil for all others, whose body comes with them.
    func receiver(for request: HTTPRequest) -> (any HTTPBodyReceiver)?
}

extension HTTPResponder {
    package func receiver(for request: HTTPRequest) -> (any HTTPBodyReceiver)? { nil }
}
