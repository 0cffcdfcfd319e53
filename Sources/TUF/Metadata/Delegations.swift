// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Whom a targets role trusts for which paths (TUF 4.5, DELEGATIONS).
package struct Delegations: Equatable, Sendable {
    private enum Roles: Equatable, Sendable {
        case listed([DelegatedRole])
        case succinct(SuccinctRoles)
    }

    private let roles: Roles

    init(_ fields: Fields) throws(FormatError) {
        let keys = try RoleKeys.read(try fields.fields("keys"))
        let succinct = try fields.fields(ifAny: "succinct_roles")
        if let succinct, fields.members["roles"] == nil {
            roles = .succinct(try SuccinctRoles(succinct, keys: keys))
            return
        }
        if succinct != nil {
            throw FormatError(
                place: fields.path,
                found: "roles and succinct_roles",
                expected: "one of them"
            )
        }
        var listed: [DelegatedRole] = []
        var names = NameMap<Bool>()
        for (index, element) in try fields.array("roles").enumerated() {
            let role = try DelegatedRole(Fields(element, "\(fields.place("roles"))[\(index)]"), keys: keys)
            if names[role.name] != nil {
                throw FormatError(
                    place: fields.place("roles"),
                    found: "\"\(role.name.shown)\" twice",
                    expected: "each name once"
                )
            }
            names[role.name] = true
            listed.append(role)
        }
        roles = .listed(listed)
    }

    /// The roles to ask about `targetPath`, in order of appearance.
    func roles(for targetPath: String) -> [(name: String, isTerminating: Bool)] {
        switch roles {
        case .listed(let roles):
            roles.filter { $0.covers(targetPath) }.map { ($0.name, $0.isTerminating) }
        case .succinct(let roles): [(roles.name(for: targetPath), true)]
        }
    }

    func keys(of name: String) -> RoleKeys? {
        switch roles {
        case .listed(let roles): roles.first { $0.name.hasSameBytes(as: name) }?.keys
        case .succinct(let roles): roles.contains(name) ? roles.keys : nil
        }
    }

    static func sha256(of targetPath: String) -> [UInt8] { Array(SHA256.hash(data: Array(targetPath.utf8))) }
}

/// One delegation.
struct DelegatedRole: Equatable, Sendable {
    private enum Paths: Equatable, Sendable {
        case patterns([PathPattern])
        /// Beginnings of the SHA-256 of a path, in hexadecimal digits.
        case hashPrefixes([String])
    }

    let name: String
    let keys: RoleKeys
    let isTerminating: Bool
    private let paths: Paths

    init(_ fields: Fields, keys known: NameMap<Key>) throws(FormatError) {
        name = try fields.string("name")
        if name.isEmpty || ["root", "timestamp", "snapshot", "targets"].contains(name) {
            throw FormatError(
                place: fields.place("name"),
                found: "\"\(name)\"",
                expected: "a name of no top-level role"
            )
        }
        keys = try RoleKeys(fields, known: known)
        isTerminating = try fields.bool("terminating")
        switch (fields.members["paths"], fields.members["path_hash_prefixes"]) {
        case (.some, nil): paths = .patterns(try fields.strings("paths").map(PathPattern.init))
        case (nil, .some):
            paths = .hashPrefixes(try fields.strings("path_hash_prefixes").map { $0.lowercased() })
        case (nil, nil), (.some, .some):
            throw FormatError(
                place: fields.path,
                found: fields.members["paths"] == nil ? "neither" : "both",
                expected: "paths or path_hash_prefixes"
            )
        }
    }

    func covers(_ targetPath: String) -> Bool {
        switch paths {
        case .patterns(let patterns): return patterns.contains { $0.matches(targetPath) }
        case .hashPrefixes(let prefixes):
            let digits = HexDigits.text(of: Delegations.sha256(of: targetPath))
            return prefixes.contains { digits.utf8.starts(with: $0.utf8) }
        }
    }
}

/// 2^`bitLength` roles that share keys, each for the paths whose SHA-256 begins with its number (TUF 4.5,
/// SUCCINCT_ROLES).
struct SuccinctRoles: Equatable, Sendable {
    let keys: RoleKeys
    /// 1 to 32.
    private let bitLength: Int
    private let namePrefix: String

    init(_ fields: Fields, keys known: NameMap<Key>) throws(FormatError) {
        keys = try RoleKeys(fields, known: known)
        bitLength = try fields.integer("bit_length", atLeast: 1)
        namePrefix = try fields.string("name_prefix")
        if bitLength > 32 {
            throw FormatError(
                place: fields.place("bit_length"),
                found: "\(bitLength)",
                expected: "1 to 32"
            )
        }
    }

    private var digits: Int { (bitLength + 3) / 4 }

    func name(for targetPath: String) -> String {
        let first = Delegations.sha256(of: targetPath).prefix(4).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        let number = String(first >> UInt64(32 - bitLength), radix: 16)
        return "\(namePrefix)-\(String(repeating: "0", count: digits - number.utf8.count))\(number)"
    }

    func contains(_ name: String) -> Bool {
        let start = Array("\(namePrefix)-".utf8)
        let number = name.utf8.dropFirst(start.count)
        let isHexadecimal = number.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        guard name.utf8.starts(with: start), number.count == digits, isHexadecimal,
            let value = UInt64(String(decoding: number, as: UTF8.self), radix: 16)
        else { return false }
        return value >> UInt64(bitLength) == 0
    }
}
