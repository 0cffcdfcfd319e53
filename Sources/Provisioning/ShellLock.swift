// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
package import Linux

/// What a break-glass shell waits for: one challenge at a time, kept in a directory that only its owner writes. It opens once,
/// on one terminal, for the signature of one of the vendor's keys.
package struct ShellLock: Sendable {
    /// Root's, on the appliance: the supervisor, which can be reached from the network, reads there and cannot write.
    package static let applianceDirectory = "/run/drimbox-shell"
    /// Milliseconds: a telephone call, and somebody who walks to the key.
    package static let lifetime: Int64 = 30 * 60 * 1000
    /// Of a box whose security chip does not answer: the vendor asks who it is.
    package static let unprovenIdentity = String(repeating: "0", count: identityDigits)
    private static let identityDigits = 16

    private struct Pending: Codable {
        let challenge: String
        let terminal: String
        /// Milliseconds since boot: who chooses the time servers also sets the time of day.
        let deadline: Int64
    }

    private let directory: String
    private let sinceBoot: @Sendable () -> Int64

    package init(
        directory: String,
        sinceBoot: @escaping @Sendable () -> Int64 = { WallClock.millisecondsSinceBoot() }
    ) {
        self.directory = directory
        self.sinceBoot = sinceBoot
    }

    private var pendingPath: String { directory + "/challenge" }
    private var markPath: String { directory + "/opened" }

    /// When a shell was opened last since the box was started; nil where none was.
    package var opened: String? {
        (try? readFile(markPath, limit: 256)).map {
            String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace }
        }
    }

    /// `fingerprint` is of the identity's public key, nil where it is not proven; `terminal` is below /dev, and empty where the
    /// shell is not bound to one.
    package static func newChallenge(fingerprint: String?, terminal: String, at time: Timestamp)
        -> ShellChallenge
    {
        let expires = Timestamp(milliseconds: time.milliseconds + lifetime)
        let identity = fingerprint.map { String($0.prefix(identityDigits)) } ?? unprovenIdentity
        let parts = [identity, minute(expires)] + (terminal.isEmpty ? [] : [terminal]) + [nonce()]
        return ShellChallenge(challenge: parts.joined(separator: "."), expires: expires)
    }

    /// A new challenge for a shell on `terminal`; the one before counts no longer.
    package func challenge(fingerprint: String?, terminal: String, at time: Timestamp) throws
        -> ShellChallenge
    {
        guard ShellResponse.isTerminal(terminal) else {
            throw ShellRefusal("the terminal: found no line's name, expected one below /dev, as ttyS0")
        }
        let challenge = Self.newChallenge(fingerprint: fingerprint, terminal: terminal, at: time)
        let pending = Pending(
            challenge: challenge.challenge,
            terminal: terminal,
            deadline: sinceBoot() + Self.lifetime
        )
        try replaceFile(pendingPath, with: Array(JSONEncoder().encode(pending)), mode: 0o600)
        return challenge
    }

    /// Spends the challenge, whatever comes of it, then reads the response and whose signature counts; returns where a shell
    /// may start.
    ///
    /// - Returns: the challenge, and the fingerprint of the key that signed it.
    package func open(
        at time: Timestamp,
        _ answer: () throws -> (response: ShellResponse, keys: [String])
    ) throws -> (challenge: String, key: String) {
        guard let content = try? readFile(pendingPath, limit: 4096) else {
            throw ShellRefusal("the challenge: found none, or one that is spent, expected an open one")
        }
        // One that cannot be spent opens nothing.
        try Directory.remove(file: pendingPath)
        let (response, keys) = try answer()
        guard let pending = try? JSONDecoder().decode(Pending.self, from: Data(content)) else {
            throw ShellRefusal("the challenge: found another file, expected a challenge")
        }
        guard sinceBoot() < pending.deadline else {
            throw ShellRefusal("the challenge: found one that has expired, expected an open one")
        }
        guard response.terminal == pending.terminal else {
            throw ShellRefusal("the terminal: found another one, expected \(pending.terminal)")
        }
        guard let signature = response.signature else {
            throw ShellRefusal(
                "the response: found something else, expected \(ShellResponse.characters) characters of base32"
            )
        }
        let key = try DetachedSignature.verify(
            ShellChallenge.signedContent(pending.challenge),
            signature: signature,
            publicKeys: keys
        )
        try mark(at: time)
        return (pending.challenge, key)
    }

    /// Until the next boot, everybody sees that somebody had a shell.
    package func mark(at time: Timestamp) throws(SystemCallError) {
        try replaceFile(markPath, with: Array("\(time)\n".utf8), mode: 0o644)
    }

    /// `20261129T0440Z`
    private static func minute(_ time: Timestamp) -> String {
        "\(time)".prefix(16).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    /// 80 bits in four groups.
    private static func nonce() -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            String((0..<4).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] })
        }.joined(separator: "-")
    }
}

/// Why no shell starts: what, found and expected. Holds nothing of what was typed.
package struct ShellRefusal: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
