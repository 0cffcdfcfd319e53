// SPDX-License-Identifier: Apache-2.0
@testable package import TUF

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        var members = NameMap<JSON>()
        for (name, value) in elements { members[name] = value }
        self = .object(members)
    }

    init(_ members: [String: JSON]) {
        self = [:]
        for (name, value) in members { self[name] = value }
    }

    /// A member of an object; nothing for what is none.
    subscript(name: String) -> JSON? {
        get { if case .object(let members) = self { members[name] } else { nil } }
        set {
            guard case .object(var members) = self else { return }
            members[name] = newValue
            self = .object(members)
        }
    }

    /// Changes a member inside members.
    subscript(path: [String]) -> JSON? {
        get { path.reduce(self as JSON?) { $0?[$1] } }
        set {
            guard let first = path.first else { return }
            if path.count == 1 {
                self[first] = newValue
            } else {
                var inner = self[first] ?? [:]
                inner[Array(path.dropFirst())] = newValue
                self[first] = inner
            }
        }
    }

    /// Canonical JSON is JSON, but for its line feeds.
    var text: [UInt8] { canonical.flatMap { $0 == 0x0A ? Array("\\n".utf8) : [$0] } }
}
