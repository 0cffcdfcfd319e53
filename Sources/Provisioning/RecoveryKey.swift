// SPDX-License-Identifier: Apache-2.0
import Linux

/// The key that opens the data disk where no TPM does. The appliance makes it with the disk, and keeps it on the disk, root's
/// alone, until an administrator has written it down; then it is nowhere on the box.
package struct RecoveryKey: Sendable {
    package static let applianceDirectory = "/var/lib/drimbox-recovery"
    private static let letters = Set("cbdefghijklnrtuv-")
    private static let characters = 71

    private let directory: String

    package init(directory: String) { self.directory = directory }

    private var path: String { directory + "/key" }

    /// It has not been written down. Nobody but root reads more of it than that.
    package var isPending: Bool { FileStamp(path) != nil }

    /// Eight groups of eight letters.
    package func read() throws -> String {
        guard isPending else {
            throw ProvisioningError(
                .recoveryKey,
                at: "the recovery key",
                found: "none",
                expected: "one that nobody has written down yet"
            )
        }
        let text = String(decoding: try readRegularFile(path, limit: 256), as: UTF8.self).filter {
            !$0.isWhitespace
        }
        guard text.count == Self.characters, text.allSatisfy(Self.letters.contains) else {
            throw ProvisioningError(
                .recoveryKey,
                at: path,
                found: "something else",
                expected: "\(Self.characters) characters of systemd-cryptenroll"
            )
        }
        return text
    }

    /// Takes it off the box for who knows its last group: it is written down.
    package func forget(lastGroup: String) throws {
        guard try read().hasSuffix("-" + lastGroup.lowercased()), lastGroup.count == 8 else {
            throw ProvisioningError(
                .recoveryKey,
                at: "the last group",
                found: "other letters",
                expected: "the last eight letters of the recovery key"
            )
        }
        try Directory.remove(file: path)
        try Directory.synchronize(directory)
    }
}
