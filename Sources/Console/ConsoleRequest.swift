// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials

/// A question to the admin API. May hold a password: never shown.
package struct ConsoleRequest: Equatable, Sendable {
    package let method: String
    /// Path and query.
    package let target: String
    package var headers: [String: String] = [:]
    package var body: [UInt8] = []
    /// An answer that takes longer counts as none.
    package var seconds = 10

    static func get(_ target: String, seconds: Int = 10) -> Self {
        var request = Self(method: "GET", target: target)
        request.seconds = seconds
        return request
    }

    static func post(_ target: String, _ value: JSONValue? = nil, seconds: Int = 10) -> Self {
        with("POST", target, value, seconds)
    }

    static func put(_ target: String, _ value: JSONValue, seconds: Int = 10) -> Self {
        with("PUT", target, value, seconds)
    }

    static func delete(_ target: String) -> Self { with("DELETE", target, nil, 10) }

    private static func with(_ method: String, _ target: String, _ value: JSONValue?, _ seconds: Int) -> Self
    {
        var request = Self(method: method, target: target)
        request.seconds = seconds
        if let value {
            request.body = Array(value.text().utf8)
            request.headers["Content-Type"] = "application/json"
        }
        return request
    }
}

package enum ConsoleAnswer: Equatable, Sendable {
    case response(status: Int, etag: String?, body: [UInt8])
    /// Nobody listens, or we may not connect.
    case unreachable
    case late

    var isOK: Bool { status.map { (200..<300).contains($0) } ?? false }

    var status: Int? {
        if case .response(let status, _, _) = self { status } else { nil }
    }

    var etag: String? {
        if case .response(_, let etag, _) = self { etag } else { nil }
    }

    var body: [UInt8] {
        if case .response(_, _, let body) = self { body } else { [] }
    }

    /// The value of a good answer.
    func value<Value: Decodable>(_ type: Value.Type) -> Value? {
        guard isOK else { return nil }
        return try? JSONDecoder().decode(type, from: Data(body))
    }

    var json: JSONValue? {
        isOK ? try? JSONValue(parsing: body) : nil
    }

    var problem: Problem? {
        isOK ? nil : try? JSONDecoder().decode(Problem.self, from: Data(body))
    }
}
