// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// An open file descriptor with one owner; closed when the owner goes.
package struct Descriptor: ~Copyable, Sendable {
    package let rawValue: Int32

    /// Takes ownership of an open descriptor.
    package init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Opens `path`. `O_CLOEXEC` is always added.
    package init(opening path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemCallError) {
        rawValue = try systemCall("open", on: path) { unsafe open(path, flags | O_CLOEXEC, mode) }
    }

    deinit {
        _ = close(rawValue)
    }
}
