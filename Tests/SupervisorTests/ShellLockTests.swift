// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Linux
import Provisioning
import Synchronization
import Testing

@testable import Supervisor

/// RFC 4648 6, without padding.
func base32(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
    return String(
        stride(from: 0, to: bits.count, by: 5).map { start in
            let group = (0..<5).map { start + $0 < bits.count ? bits[start + $0] : 0 }
            return alphabet[Int(group.reduce(0) { $0 << 1 | $1 })]
        }
    )
}

@Suite("Root's own judgement of a break-glass shell") struct ShellLockTests {
    private static let fingerprint = String(repeating: "4aaf155aeb247364", count: 4)
    private let folder: BoxDirectory
    private let key = Curve25519.Signing.PrivateKey()
    private let sinceBoot = Sendable64()
    private let lock: ShellLock

    private final class Sendable64: Sendable {
        let value = Mutex<Int64>(1000)
    }

    init() throws {
        folder = try BoxDirectory()
        lock = ShellLock(directory: folder.path) { [sinceBoot] in sinceBoot.value.withLock { $0 } }
    }

    private var keys: [String] { [key.publicKey.rawRepresentation.base64EncodedString()] }

    private func challenge(_ terminal: String = "ttyS0") throws -> String {
        try lock.challenge(fingerprint: Self.fingerprint, terminal: terminal, at: .now).challenge
    }

    private func response(
        _ challenge: String,
        on terminal: String = "ttyS0",
        by signer: Curve25519.Signing.PrivateKey? = nil
    ) throws -> ShellResponse {
        let signature = try (signer ?? key).signature(for: Data(ShellChallenge.signedContent(challenge)))
        return ShellResponse(response: base32(Array(signature)), terminal: terminal)
    }

    private func isOpen(_ response: ShellResponse, _ keys: [String]? = nil) -> Bool {
        (try? lock.open(at: .now) { (response, keys ?? self.keys) }) != nil
    }

    @Test("the vendor's signature opens once, and the mark stays") func once() throws {
        let challenge = try challenge()
        #expect(challenge.hasPrefix("4aaf155aeb247364.") && challenge.split(separator: ".")[2] == "ttyS0")
        #expect(lock.opened == nil)
        let answer = try response(challenge)
        #expect(try lock.open(at: .now, { (answer, keys) }).challenge == challenge)
        #expect(lock.opened.flatMap { Timestamp($0) } != nil)
        #expect(!isOpen(answer))
        _ = try self.challenge()
        #expect(!isOpen(answer))
    }

    @Test(
        "without a challenge, or by another key, or for another challenge: nothing, and the challenge is spent"
    )
    func forged() throws {
        #expect(!isOpen(try response("4aaf155aeb247364.20261129T0440Z.ttyS0.aaaa-bbbb-cccc-dddd")))
        for forge in [
            { try response($0, by: Curve25519.Signing.PrivateKey()) }, { try response($0 + "x") },
            { _ in ShellResponse(response: "", terminal: "ttyS0") },
            { _ in ShellResponse(response: String(repeating: "A", count: 103), terminal: "ttyS0") },
            // Signed for this line by the vendor, and taken to another one.
            { try response($0, on: "ttyS1") },
        ] as [(String) throws -> ShellResponse] {
            let challenge = try challenge()
            #expect(!isOpen(try forge(challenge)))
            #expect(!isOpen(try response(challenge)))
        }
        #expect(!isOpen(try response(try challenge()), []))
        let first = try challenge()
        _ = try challenge()
        #expect(!isOpen(try response(first)))
        #expect(lock.opened == nil)
    }

    @Test("half an hour counts from the boot clock, whatever the time of day is set to") func expired() throws
    {
        let late = try response(try challenge())
        sinceBoot.value.withLock { $0 += ShellLock.lifetime }
        #expect(!isOpen(late))
        let set = try lock.challenge(
            fingerprint: nil,
            terminal: "ttyS0",
            at: Timestamp(milliseconds: 4_000_000_000_000)
        ).challenge
        #expect(set.hasPrefix("0000000000000000."))
        sinceBoot.value.withLock { $0 += ShellLock.lifetime - 1 }
        #expect(isOpen(try response(set)))
    }

    @Test("a challenge that cannot be spent opens nothing; no line's name, no challenge") func files() throws
    {
        let path = folder.path + "/challenge"
        #expect(throws: ShellRefusal.self) { try challenge("") }
        #expect(throws: ShellRefusal.self) { try challenge("../ttyS0") }
        // What is written in its place by somebody who could is no challenge.
        try Data("{}".utf8).write(to: URL(filePath: path))
        #expect(!isOpen(try response("x")))
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try challenge()
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }
}
