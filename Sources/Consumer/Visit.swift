// SPDX-License-Identifier: Apache-2.0
import Admin
import NIOHTTP1
import Transfer

/// A request to the pages, read: its path, its query, its form, its cookies.
struct Visit: Sendable {
    let request: HTTPRequest
    let steps: [String]
    let query: SubmittedForm
    let language: Language
    /// The secret of the browser's session; empty where it has none.
    let secret: String
    private let isSecure: Bool

    init(_ request: HTTPRequest, _ settings: ConsumerService.Settings) {
        self.request = request
        steps = request.path.split(separator: "/").map(String.init)
        query = SubmittedForm(request.query) ?? SubmittedForm.none
        isSecure = settings.publicURL.hasPrefix("https://")
        let cookies = Self.cookies(request.headers)
        secret = cookies[Self.sessionCookie(isSecure)] ?? ""
        language =
            cookies["language"].flatMap(Language.init(rawValue:))
            ?? Language(accepting: request.headers.first(name: "Accept-Language"))
    }

    /// Where the same page is had again: of what was posted, the page it was posted from.
    var pagePath: String { request.method == .GET ? request.path : "/consumer" }

    /// The filters of the page, to be kept in another language: "modality=CT&"; nothing else of a query is.
    var filters: String {
        guard request.method == .GET else { return "" }
        return query.fields.filter { ExamFilter.names.contains($0.name) && !$0.value.isEmpty }
            .map { "\(PathSegment.encoded($0.name))=\(PathSegment.encoded($0.value))&" }.joined()
    }

    func session(in table: SessionTable) -> Session? { secret.isEmpty ? nil : table.find(secret) }

    // MARK: Cookies

    /// The prefix has browsers take it only with Secure, without Domain and for all paths (RFC 6265bis 4.1.3.2). Plain
    /// text is for this machine's own tests.
    private static func sessionCookie(_ isSecure: Bool) -> String { isSecure ? "__Host-drimbox" : "drimbox" }

    /// Lax: the browser comes back to us from Pro Santé Connect, and must be known then.
    func cookie(_ secret: String?) -> String {
        let name = Self.sessionCookie(isSecure)
        let end = isSecure ? "; Secure" : ""
        guard let secret else { return "\(name)=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax\(end)" }
        return "\(name)=\(secret); Path=/; HttpOnly; SameSite=Lax\(end)"
    }

    /// Nil for a name that is there twice: who set the other one is not known.
    private static func cookies(_ headers: HTTPHeaders) -> [String: String] {
        var found: [String: String] = [:]
        var doubled: Set<String> = []
        for pair in headers["Cookie"].flatMap({ $0.split(separator: ";") }) {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            guard parts.count == 2 else { continue }
            if found.updateValue(parts[1], forKey: parts[0]) != nil { doubled.insert(parts[0]) }
        }
        for name in doubled { found[name] = nil }
        return found
    }

    // MARK: Answers

    /// 303: whatever the method was, the next one is GET.
    static func redirect(_ location: String, cookie: String? = nil) -> HTTPResponse {
        var response = HTTPResponse(.seeOther, headers: ["Location": location])
        if let cookie { response.headers.add(name: "Set-Cookie", value: cookie) }
        return response
    }

    static func asset(_ text: String, _ type: String) -> HTTPResponse {
        HTTPResponse(.ok, headers: ["Content-Type": type], body: .bytes(Array(text.utf8)))
    }

    /// The same page in a language that the reader has chosen.
    func chosen(_ language: Language) -> HTTPResponse {
        let end = isSecure ? "; Secure" : ""
        return Self.redirect(
            (steps.first == "consumer" ? "/" + steps.joined(separator: "/") : "/consumer")
                + (filters.isEmpty ? "" : "?" + filters.dropLast()),
            cookie: "language=\(language.rawValue); Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax\(end)"
        )
    }
}
