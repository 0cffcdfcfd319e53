// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux

/// What nobody can guess: handles of sessions and the cookies that belong to them.
enum SecretToken {
    /// Hexadecimal, 4 bits each character.
    static func make(bits: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bits / 8).map { _ in UInt8.random(in: 0...255, using: &generator) }.hexadecimal
    }

    /// Under what a secret is kept, so that the table does not hold it.
    static func digest(_ token: String) -> String {
        SHA256.hash(data: Array(token.utf8)).map { $0 }.hexadecimal
    }
}
