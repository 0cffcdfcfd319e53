// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import Testing

@testable import TUF

@Suite("TUF 4.2 keys and signatures") struct KeyTests {
    private func key(_ json: JSON) throws -> Key { try Key(Fields(json, "key")) }

    @Test("a signature is valid for its bytes and its key only", arguments: Signer.Kind.allCases)
    func signatures(kind: Signer.Kind) throws {
        let signer = try Signer("a", kind)
        let key = try key(signer.key)
        let message = Array("message".utf8)
        let signature = try signer.sign(message)
        #expect(key.isValid(signature: signature, of: message))
        #expect(!key.isValid(signature: signature, of: message + [0]))
        #expect(!key.isValid(signature: signature, of: []))
        #expect(!key.isValid(signature: [], of: message))
        #expect(!key.isValid(signature: signature + [0], of: message))
        #expect(!key.isValid(signature: signature.dropLast(), of: message))
        let other = try self.key(Signer("a", kind).key)
        #expect(!other.isValid(signature: signature, of: message))
        for index in signature.indices.prefix(80) {
            var changed = signature
            changed[index] ^= 1
            #expect(!key.isValid(signature: changed, of: message), "byte \(index)")
        }
    }

    @Test(
        "a key of another kind, scheme or form verifies nothing and hinders nothing",
        arguments: Signer.Kind.allCases
    )
    func unsupported(kind: Signer.Kind) throws {
        let signer = try Signer("a", kind)
        let signature = try signer.sign([1])
        for (path, value) in [
            (["keytype"], "future"), (["scheme"], "future"), (["scheme"], "rsa-pkcs1v15-sha256"),
            (["keyval", "public"], "?"), (["keyval", "public"], ""), (["keyval", "public"], 3),
        ] as [([String], JSON)] {
            var json = signer.key
            json[path] = value
            #expect(!(try key(json)).isValid(signature: signature, of: [1]))
        }
    }

    @Test("a key without its members is refused", arguments: ["keytype", "scheme", "keyval"])
    func members(name: String) throws {
        var json = try Signer("a").key
        json[name] = nil
        let error = #expect(throws: FormatError.self) { try key(json) }
        #expect(error?.place == "key.\(name)")
    }

    @Test("the same key written in two ways is one") func material() throws {
        let pem = P256.Signing.PrivateKey().publicKey.pemRepresentation
        func json(_ text: String, _ type: String) -> JSON {
            [
                "keytype": .string(type), "scheme": "ecdsa-sha2-nistp256",
                "keyval": ["public": .string(text)],
                "x-extra": 1,
            ]
        }
        #expect(
            try key(json(pem, "ecdsa")).material == key(json(pem + "\n", "ecdsa-sha2-nistp256")).material
        )
        let upper = Signer.Kind.ed25519
        let signer = try Signer("a", upper)
        guard case .string(let digits)? = signer.key[["keyval", "public"]] else { return }
        var other = signer.key
        other[["keyval", "public"]] = .string(digits.uppercased())
        #expect(try key(signer.key).material == key(other).material)
    }
}

@Suite("Thresholds") struct ThresholdTests {
    private func valid(_ signers: [Signer], by signing: [Signer]) throws -> Int {
        var keys: JSON = [:]
        for signer in signers { keys[signer.keyid] = signer.key }
        let role: JSON = ["keyids": .array(signers.map { .string($0.keyid) }), "threshold": 1]
        let known = try RoleKeys.read(Fields(keys, "keys"))
        let repository = try TestRepository()
        let envelope = try Envelope(parsing: repository.signed("targets", by: signing))
        return try RoleKeys(Fields(role, "role"), known: known).validSignatures(of: envelope)
    }

    @Test("different keys of the role are counted") func counts() throws {
        let a = try Signer("a")
        let b = try Signer("b", .ecdsa)
        let c = try Signer("c", .rsa)
        let stranger = try Signer("s")
        #expect(try valid([a, b, c], by: [a, b, c]) == 3)
        #expect(try valid([a, b, c], by: [c, a, stranger]) == 2)
        #expect(try valid([a, b, c], by: []) == 0)
        #expect(try valid([a, b], by: [stranger.renamed("a"), b]) == 1)
    }

    @Test("one key under many keyids is one") func renamed() throws {
        let key = try Signer("a")
        let names = ["a", "b", "c", "d"].map { key.renamed($0) }
        #expect(try valid(names, by: names) == 1)
    }

    @Test("one keyid with two signatures is refused, and so is a role that names it twice") func twice()
        throws
    {
        let key = try Signer("a")
        #expect(throws: FormatError(place: "signatures", found: "a keyid twice", expected: "each keyid once"))
        {
            try valid([key], by: [key, key])
        }
        #expect(throws: FormatError(place: "role.keyids", found: "a twice", expected: "each keyid once")) {
            try valid([key, key], by: [key])
        }
    }

    @Test("a keyid without a key counts for nothing") func missing() throws {
        let role: JSON = ["keyids": ["a", "b"], "threshold": 2]
        let keys = try RoleKeys(Fields(role, "role"), known: NameMap())
        #expect(keys.keys.entries.isEmpty && keys.threshold == 2)
    }

    @Test("a threshold is at least 1", arguments: [0, -1, .min])
    func zero(threshold: Int) {
        let role: JSON = ["keyids": [], "threshold": .integer(threshold)]
        #expect(throws: FormatError.self) { try RoleKeys(Fields(role, "role"), known: NameMap()) }
    }
}
