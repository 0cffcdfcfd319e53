// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import Linux

/// One request of the admin API, its caller known.
struct AdminRequest: Sendable {
    let path: String
    /// What stands in the path for `{name}`.
    let parameters: [String: String]
    let query: String?
    let headers: [String: String]
    let body: [UInt8]
    let caller: Identity
    /// When the caller's connection was opened.
    let connected: ContinuousClock.Instant
    /// `X-Reason`.
    let reason: String

    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The query's items; unknown names are refused.
    func query(_ names: Set<String>) throws -> [String: String] {
        var items: [String: String] = [:]
        for item in (query ?? "").split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(pair[0])
            guard names.contains(name) else {
                throw Problem(
                    status: 400,
                    code: "request.query",
                    title: "unknown query",
                    detail: "found \(item.prefix(80)), expected "
                        + (names.isEmpty ? "no query" : names.sorted().joined(separator: ", ")),
                    path: path
                )
            }
            items[name] = pair.count == 2 ? PathSegment.decoded(pair[1]) ?? "" : ""
        }
        return items
    }

    func number(_ text: String, _ what: String) throws -> Int {
        guard let number = Int(text) else {
            throw Problem(
                status: 400,
                code: "request.query",
                title: "not a number",
                detail: "\(what): found \(text.prefix(40)), expected a number",
                path: path
            )
        }
        return number
    }
}

/// A method on a path, who may call it, and what it does.
struct AdminRoute: Sendable {
    let method: String
    /// `/v1/config/revisions/{number}`
    let pattern: String
    let role: Role
    /// The caller has to say why: `X-Reason`.
    var needsReason = false
    /// What changes something works in safe mode only where it helps to leave it.
    var worksInSafeMode = false
    /// A call that changes nothing leaves no row, though it has a body.
    var isAudited = true
    /// More than some seconds: who asks may have it as a job (`Prefer: respond-async`).
    var mayTakeLong = false
    /// Bytes of a request: a whole configuration document fits.
    var longestBody = 1 << 20
    let answer: @Sendable (AdminRequest) async throws -> Response

    private var parts: [Substring] { pattern.split(separator: "/", omittingEmptySubsequences: false) }

    /// The parameters where `path` is this route's; nil where it is another's.
    func match(_ path: [Substring]) -> [String: String]? {
        let parts = parts
        guard parts.count == path.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, word) in zip(parts, path) {
            if part.hasPrefix("{") {
                guard !word.isEmpty else { return nil }
                parameters[String(part.dropFirst().dropLast())] = PathSegment.decoded(word) ?? String(word)
            } else if part != word {
                return nil
            }
        }
        return parameters
    }

    /// Everything but looking leaves a row in the audit.
    var isMutating: Bool { method != "GET" }
}
