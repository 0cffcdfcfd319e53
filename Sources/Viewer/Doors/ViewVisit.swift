// SPDX-License-Identifier: Apache-2.0
import NIOHTTP1
import Transfer

/// A request to the viewer, read: its path, its query, its cookies.
struct ViewVisit: Sendable {
    let request: HTTPRequest
    let steps: [String]
    let query: QueryFields?
    let language: Language
    /// Secrets by the handles that they belong to.
    private let secrets: [String: String]

    init(_ request: HTTPRequest) {
        self.request = request
        steps = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(
            String.init
        )
        query = QueryFields(request.query)
        let asked = query?["lang"].flatMap(Language.init(rawValue:))
        language = asked ?? Language(accepting: request.headers.first(name: "Accept-Language"))
        secrets = Self.secrets(request.headers)
    }

    var isRead: Bool { request.method == .GET || request.method == .HEAD }

    func secret(of handle: String) -> String { secrets[handle] ?? "" }

    /// Handles of which the browser has a cookie.
    var handles: [String] { secrets.keys.sorted() }

    /// Whether another site's page has the browser send this (Fetch Metadata); browsers that do not say it are held by the
    /// cookie's SameSite.
    var isForeign: Bool {
        request.headers.first(name: "Sec-Fetch-Site").map { $0 != "same-origin" && $0 != "none" } ?? false
    }

    /// None for a name that is there twice: who set the other one is not known.
    private static func secrets(_ headers: HTTPHeaders) -> [String: String] {
        var found: [String: String] = [:]
        var doubled: Set<String> = []
        for pair in headers["Cookie"].flatMap({ $0.split(separator: ";") }) {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            guard parts.count == 2 else { continue }
            for isSecure in [true, false] {
                let prefix = ViewSession.cookiePrefix(isSecure: isSecure)
                guard parts[0].hasPrefix(prefix) else { continue }
                let handle = String(parts[0].dropFirst(prefix.count))
                if found.updateValue(parts[1], forKey: handle) != nil { doubled.insert(handle) }
            }
        }
        for handle in doubled { found[handle] = nil }
        return found
    }

    static func redirect(_ location: String, cookies: [String] = []) -> HTTPResponse {
        var response = HTTPResponse(.seeOther, headers: ["Location": location, "Cache-Control": "no-store"])
        for cookie in cookies { response.headers.add(name: "Set-Cookie", value: cookie) }
        return response
    }
}

/// Why a request is not answered with images.
struct ViewRefusal: Error {
    let status: HTTPResponseStatus
    let notice: Notice

    init(_ status: HTTPResponseStatus, _ notice: Notice) {
        self.status = status
        self.notice = notice
    }
}
