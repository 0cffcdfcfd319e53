// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import FoundationEssentials

/// A file that only a pass phrase, or the owner of a recovery key, opens.
///
///     "DRIMBACK" 01 | UInt32 length | header, JSON | 32 bytes: HMAC-SHA256 of all before
///     chunk: UInt32 length, ciphertext, 16 bytes tag (AES-256-GCM); the last one says that it is
///
/// The key comes from the pass phrase by scrypt (RFC 7914), or from X25519 with an ephemeral key by HKDF-SHA256. The
/// nonce is the chunk's number and whether it is the last: chunks that are lost, added or moved do not open. Every
/// chunk authenticates the header too.
package enum SealedFile {
    package enum Lock: Sendable {
        /// Characters, at least `shortestPassphrase`.
        case passphrase(String)
        /// X25519, 32 bytes.
        case recoveryKey([UInt8])
    }

    package enum Key: Sendable {
        case passphrase(String)
        /// X25519, 32 bytes.
        case privateKey([UInt8])
    }

    package static let shortestPassphrase = 12
    static let magic = Array("DRIMBACK".utf8) + [1]
    static let chunkLength = 64 << 10
    private static let tagLength = 16
    private static let longestHeader = 4096

    private struct Header: Codable {
        var kind: String
        var salt: [UInt8]
        /// scrypt's N, r and p.
        var rounds: Int?
        var blockSize: Int?
        var parallelism: Int?
        /// X25519, 32 bytes.
        var ephemeral: [UInt8]?
    }

    // scrypt with 32 MiB: what the supervisor may use for a moment.
    private static let rounds = 1 << 15
    private static let blockSize = 8
    private static let parallelism = 1

    package static func seal(_ content: [UInt8], with lock: Lock) throws(ProvisioningError) -> [UInt8] {
        var header = Header(kind: "", salt: random(16))
        let secret: SymmetricKey
        switch lock {
        case .passphrase(let words):
            guard words.count >= shortestPassphrase else {
                throw ProvisioningError(
                    .backupKey,
                    at: "the pass phrase",
                    found: "\(words.count) characters",
                    expected: "at least \(shortestPassphrase)"
                )
            }
            header.kind = "scrypt"
            (header.rounds, header.blockSize, header.parallelism) = (rounds, blockSize, parallelism)
            secret = try stretch(words, header)
        case .recoveryKey(let bytes):
            let ephemeral = Curve25519.KeyAgreement.PrivateKey()
            header.kind = "x25519"
            header.ephemeral = Array(ephemeral.publicKey.rawRepresentation)
            guard let peer = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes),
                let shared = try? ephemeral.sharedSecretFromKeyAgreement(with: peer)
            else { throw badKey(bytes.count) }
            secret = derive(shared, header.salt, peer.rawRepresentation)
        }
        guard let text = try? JSONEncoder().encode(header) else {
            throw ProvisioningError(.backupFormat, at: "the header", found: "no JSON", expected: "JSON")
        }
        var file = magic + length(text.count) + Array(text)
        let keys = Keys(secret, file)
        file += keys.check
        let context = Array(SHA256.hash(data: file))
        var rest = content[...]
        var number: UInt32 = 0
        repeat {
            let piece = rest.prefix(chunkLength)
            rest = rest.dropFirst(chunkLength)
            guard
                let box = try? AES.GCM.seal(
                    piece,
                    using: keys.content,
                    nonce: nonce(number, isLast: rest.isEmpty),
                    authenticating: context
                )
            else {
                throw ProvisioningError(
                    .backupDamaged,
                    at: "chunk \(number)",
                    found: "no ciphertext",
                    expected: "one"
                )
            }
            file += length(piece.count) + Array(box.ciphertext) + Array(box.tag)
            number += 1
        } while !rest.isEmpty
        return file
    }

    package static func open(_ file: [UInt8], with key: Key) throws(ProvisioningError) -> [UInt8] {
        var reader = Reader(rest: file[...])
        let start = try reader.take(magic.count, of: "the beginning")
        guard start.prefix(8).elementsEqual(magic.prefix(8)) else {
            throw ProvisioningError(
                .backupFormat,
                at: "the beginning",
                found: "another kind of file",
                expected: "a backup of a DRIMbox"
            )
        }
        guard start.last == magic.last else {
            throw ProvisioningError(
                .backupVersion,
                at: "the beginning",
                found: "version \(start.last ?? 0)",
                expected: "version 1"
            )
        }
        let count = try reader.length(of: "the header", limit: longestHeader)
        let text = try reader.take(count, of: "the header")
        guard let header = try? JSONDecoder().decode(Header.self, from: Data(text + [0x0A])) else {
            throw ProvisioningError(
                .backupFormat,
                at: "the header",
                found: "what is no header",
                expected: "JSON"
            )
        }
        let secret = try secret(header, key)
        let keys = Keys(secret, Array(file.prefix(magic.count + 4 + count)))
        let check = try reader.take(32, of: "the header")
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                Array(check),
                authenticating: Array(file.prefix(magic.count + 4 + count)),
                using: keys.header
            )
        else {
            throw ProvisioningError(
                .backupPassphrase,
                at: "the header",
                found: "another pass phrase or key, or an altered header",
                expected: "that of the backup"
            )
        }
        let context = Array(SHA256.hash(data: file.prefix(magic.count + 4 + count + 32)))
        var content: [UInt8] = []
        var number: UInt32 = 0
        while true {
            let place = "chunk \(number)"
            let count = try reader.length(of: place, limit: chunkLength)
            let ciphertext = try reader.take(count, of: place)
            let tag = try reader.take(tagLength, of: place)
            let isEnd = reader.rest.isEmpty
            if let piece = plain(ciphertext, tag, keys.content, nonce(number, isLast: isEnd), context) {
                content += piece
                if isEnd { return content }
            } else if isEnd,
                plain(ciphertext, tag, keys.content, nonce(number, isLast: false), context) != nil
            {
                throw truncated("after \(place)")
            } else {
                throw ProvisioningError(
                    .backupDamaged,
                    at: place,
                    found: "altered bytes",
                    expected: "what was sealed"
                )
            }
            number += 1
        }
    }

    // MARK: Keys

    private struct Keys {
        let header: SymmetricKey
        let content: SymmetricKey
        let check: [UInt8]

        init(_ secret: SymmetricKey, _ start: [UInt8]) {
            func key(_ use: String) -> SymmetricKey {
                HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: secret,
                    info: Array("drimbox backup \(use)".utf8),
                    outputByteCount: 32
                )
            }
            header = key("header")
            content = key("content")
            check = Array(HMAC<SHA256>.authenticationCode(for: start, using: header))
        }
    }

    private static func secret(_ header: Header, _ key: Key) throws(ProvisioningError) -> SymmetricKey {
        switch (header.kind, key) {
        case ("scrypt", .passphrase(let words)): return try stretch(words, header)
        case ("x25519", .privateKey(let bytes)):
            guard let own = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes) else {
                throw badKey(bytes.count)
            }
            guard let ephemeral = header.ephemeral,
                let peer = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: ephemeral),
                let shared = try? own.sharedSecretFromKeyAgreement(with: peer)
            else {
                throw ProvisioningError(
                    .backupFormat,
                    at: "the header",
                    found: "no ephemeral key",
                    expected: "X25519, 32 bytes"
                )
            }
            return derive(shared, header.salt, own.publicKey.rawRepresentation)
        case ("scrypt", _), ("x25519", _):
            let isPhrase = header.kind == "scrypt"
            throw ProvisioningError(
                .backupKey,
                at: "the header",
                found: isPhrase ? "a pass phrase's backup" : "a recovery key's backup",
                expected: isPhrase ? "the pass phrase" : "the recovery key"
            )
        default:
            throw ProvisioningError(
                .backupVersion,
                at: "the header",
                found: "kind \(header.kind.prefix(20))",
                expected: "scrypt or x25519"
            )
        }
    }

    /// What a file says of its own cost is bounded: 128 MiB.
    private static func stretch(_ words: String, _ header: Header) throws(ProvisioningError) -> SymmetricKey {
        let numbers = (header.rounds ?? 0, header.blockSize ?? 0, header.parallelism ?? 0)
        guard (1 << 10...1 << 17).contains(numbers.0), numbers.0 & (numbers.0 - 1) == 0, numbers.1 == 8,
            numbers.2 == 1, header.salt.count == 16,
            let key = try? KDF.Scrypt.deriveKey(
                from: Array(words.utf8),
                salt: header.salt,
                outputByteCount: 32,
                rounds: numbers.0,
                blockSize: numbers.1,
                parallelism: numbers.2
            )
        else {
            throw ProvisioningError(
                .backupFormat,
                at: "the header",
                found: "other numbers for scrypt",
                expected: "N up to 131072, r 8, p 1, 16 bytes of salt"
            )
        }
        return key
    }

    private static func derive(_ shared: SharedSecret, _ salt: [UInt8], _ recipient: Data) -> SymmetricKey {
        shared.hkdfDerivedSymmetricKey(
            using: SHA256.self,
            salt: salt,
            sharedInfo: Array("drimbox backup x25519".utf8) + Array(recipient),
            outputByteCount: 32
        )
    }

    private static func plain(
        _ ciphertext: ArraySlice<UInt8>,
        _ tag: ArraySlice<UInt8>,
        _ key: SymmetricKey,
        _ nonce: AES.GCM.Nonce,
        _ context: [UInt8]
    ) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: ciphertext, tag: tag) else {
            return nil
        }
        return (try? AES.GCM.open(box, using: key, authenticating: context)).map { Array($0) }
    }

    // MARK: Pieces

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ count: Int, of place: String) throws(ProvisioningError) -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw SealedFile.truncated(place) }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func length(of place: String, limit: Int) throws(ProvisioningError) -> Int {
            let count = try take(4, of: place).reduce(0) { $0 << 8 | Int($1) }
            guard count <= limit else {
                throw ProvisioningError(
                    .backupDamaged,
                    at: place,
                    found: "\(count) bytes",
                    expected: "at most \(limit)"
                )
            }
            return count
        }
    }

    private static func truncated(_ place: String) -> ProvisioningError {
        ProvisioningError(.backupTruncated, at: place, found: "the end of the file", expected: "more")
    }

    private static func badKey(_ count: Int) -> ProvisioningError {
        ProvisioningError(.backupKey, at: "the key", found: "\(count) bytes", expected: "X25519, 32 bytes")
    }

    /// 96 bits; a key seals one file only.
    private static func nonce(_ number: UInt32, isLast: Bool) -> AES.GCM.Nonce {
        let bytes = [UInt8](repeating: 0, count: 7) + length(Int(number)) + [isLast ? 1 : 0]
        return (try? AES.GCM.Nonce(data: bytes)) ?? AES.GCM.Nonce()
    }

    private static func length(_ count: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
