// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Passwords as crypt(5) keeps them: yescrypt, the method of the system's own accounts. A call costs some tens of
/// milliseconds on purpose: never on an event loop.
package enum PasswordHash {
    /// Nil where the system gives no salt, or the password has a NUL.
    package static func make(_ password: String) -> String? {
        guard !password.utf8.contains(0) else { return nil }
        var salt = [CChar](repeating: 0, count: size)
        guard unsafe clinux_password_salt(&salt, Int32(salt.count)) == 0 else { return nil }
        return hash(password, salt)
    }

    package static func matches(_ password: String, _ stored: String) -> Bool {
        guard !password.utf8.contains(0), stored.hasPrefix("$") else { return false }
        let settings = stored.utf8.map { CChar(bitPattern: $0) } + [0]
        guard settings.count <= size, let found = hash(password, settings) else { return false }
        // In a time that does not depend on where they differ.
        let pairs = zip(found.utf8, stored.utf8)
        return found.utf8.count == stored.utf8.count && pairs.reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static let size = 512

    private static func hash(_ password: String, _ settings: [CChar]) -> String? {
        var result = [CChar](repeating: 0, count: size)
        guard unsafe clinux_password_hash(password, settings, &result, Int32(result.count)) == 0 else {
            return nil
        }
        return String(decoding: result.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
