// SPDX-License-Identifier: Apache-2.0

/// `POST /v1/shell/challenge`: where the shell is to appear.
package struct ShellRequest: Codable, Equatable, Sendable {
    /// Below /dev: `ttyS0`; empty where who asks starts the shell.
    package let terminal: String

    package init(terminal: String) {
        self.terminal = terminal
    }
}

/// The answer to it: what the vendor signs so that a shell opens once.
package struct ShellChallenge: Codable, Equatable, Sendable {
    /// The beginning of the identity key's fingerprint, the time of expiry, the terminal where it counts on one only, and
    /// 80 random bits, with dots between them.
    package let challenge: String
    package let expires: Timestamp

    package init(challenge: String, expires: Timestamp) {
        self.challenge = challenge
        self.expires = expires
    }

    /// What the Ed25519 signature is of: no other signature of the same key can be taken for one.
    package static func signedContent(_ challenge: String) -> [UInt8] {
        Array("drimbox-shell-1 \(challenge)\n".utf8)
    }
}

/// `POST /v1/shell/open`.
package struct ShellResponse: Codable, Equatable, Sendable {
    /// The signature's 64 bytes as 103 characters of base32 (RFC 4648 6), without padding.
    package let response: String
    /// As in the request for the challenge.
    package let terminal: String

    package init(response: String, terminal: String) {
        self.response = response
        self.terminal = terminal
    }

    package static let characters = 103

    /// Never more than the name of a line: it becomes a unit's instance.
    package static func isTerminal(_ name: String) -> Bool {
        name.wholeMatch(of: /tty[A-Za-z0-9]{1,12}/) != nil
    }

    /// The characters of base32 in what was typed: case, spaces and hyphens do not count, and a digit that the alphabet
    /// does not have is the letter that looks like it.
    ///
    /// - Returns: nil where a character is none.
    package static func characters(in typed: String) -> String? {
        var text = ""
        for scalar in typed.uppercased().unicodeScalars {
            switch scalar {
            case " ", "-": continue
            case "0": text += "O"
            case "8": text += "B"
            case "A"..."Z", "2"..."7": text.unicodeScalars.append(scalar)
            default: return nil
            }
        }
        return text
    }

    /// The signature; nil where it is not one's length.
    package var signature: [UInt8]? {
        guard let text = Self.characters(in: response), text.utf8.count == Self.characters else { return nil }
        var bytes: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for byte in text.utf8 {
            let value = byte >= UInt8(ascii: "A") ? byte - UInt8(ascii: "A") : byte - UInt8(ascii: "2") + 26
            buffer = (buffer << 5 | Int(value)) & 0xFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return bytes
    }
}

/// The answer to it: the shell may start.
package struct ShellOpening: Codable, Equatable, Sendable {
    /// The box has started it on the terminal; else who asked starts it, with their own rights.
    package let isStarted: Bool
    /// Until it is ended.
    package let seconds: Int

    package init(isStarted: Bool, seconds: Int) {
        self.isStarted = isStarted
        self.seconds = seconds
    }
}
