// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The hashes of a file: SHA-256, SHA-512 or both; others are not checked (TUF 4.4, HASHES).
package struct Hashes: Equatable, Sendable {
    /// In lower-case hexadecimal digits.
    package let sha256: String?
    package let sha512: String?

    init(_ fields: Fields) throws(FormatError) {
        sha256 = try Self.digits(fields, "sha256", count: 64)
        sha512 = try Self.digits(fields, "sha512", count: 128)
        if sha256 == nil, sha512 == nil {
            throw FormatError(place: fields.path, found: "none of them", expected: "sha256 or sha512")
        }
    }

    private static func digits(_ fields: Fields, _ name: String, count: Int) throws(FormatError) -> String? {
        if fields.members[name] == nil { return nil }
        let text = try fields.string(name)
        guard text.utf8.count == count, let bytes = HexDigits.bytes(of: text) else {
            throw FormatError(
                place: fields.place(name),
                found: "\"\(text.shown)\"",
                expected: "\(count) hexadecimal digits"
            )
        }
        return HexDigits.text(of: bytes)
    }

    /// Nil when all hashes are those of `bytes`.
    func mismatch(of bytes: [UInt8]) -> MetadataError.Reason? {
        var verifier = HashVerifier(self)
        verifier.update(bytes)
        return verifier.mismatch()
    }
}

/// Hashes a file piece by piece.
struct HashVerifier: Sendable {
    private let required: Hashes
    private var sha256 = SHA256()
    private var sha512 = SHA512()

    init(_ required: Hashes) { self.required = required }

    mutating func update(_ bytes: [UInt8]) {
        if required.sha256 != nil { sha256.update(data: bytes) }
        if required.sha512 != nil { sha512.update(data: bytes) }
    }

    /// Nil when all hashes are those of the pieces so far.
    func mismatch() -> MetadataError.Reason? {
        let found256 = HexDigits.text(of: sha256.finalize())
        if let hash = required.sha256, hash != found256 {
            return .hash(algorithm: "sha256", found: found256, required: hash)
        }
        let found512 = HexDigits.text(of: sha512.finalize())
        if let hash = required.sha512, hash != found512 {
            return .hash(algorithm: "sha512", found: found512, required: hash)
        }
        return nil
    }
}
