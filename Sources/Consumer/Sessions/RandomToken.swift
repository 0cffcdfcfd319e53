// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux

/// What nobody can guess: names of sessions, of contexts, of forms.
enum RandomToken {
    /// 256 bits, hexadecimal.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }.hexadecimal
    }

    /// Under what a secret is kept, so that memory and tables do not hold the secret itself.
    static func digest(_ token: String) -> String {
        SHA256.hash(data: Array(token.utf8)).map { $0 }.hexadecimal
    }

    /// Takes as long whatever is equal.
    static func matches(_ left: String, _ right: String) -> Bool {
        digest(left) == digest(right)
    }
}
