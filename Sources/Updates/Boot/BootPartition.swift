// SPDX-License-Identifier: Apache-2.0
import Linux

/// A file of the EFI system partition that is ours to change.
package struct BootPath: Hashable, Sendable, CustomStringConvertible {
    package enum Directory: String, CaseIterable, Sendable {
        /// Where systemd-boot looks for kernel images. At most four files: their names then fit the sector that
        /// the directory begins with, and a rename is one sector write (UPDATES 4.4, 2).
        case entries = "EFI/Linux"
        /// Where it does not look.
        case own = "EFI/drimbox"
    }

    package let directory: Directory
    package let name: String

    package init(_ directory: Directory, _ name: String) {
        self.directory = directory
        self.name = name
    }

    /// An image on its way into `EFI/Linux`.
    package static let new = BootPath(.own, "new.tmp")
    /// What the last of the firmware's boot entries starts when no entry of systemd-boot can be loaded.
    package static let previous = BootPath(.own, "prev.efi")
    /// An image on its way to `previous`.
    package static let newPrevious = BootPath(.own, "prev.tmp")

    package var description: String { "\(directory.rawValue)/\(name)" }
}

/// Two directories of the EFI system partition. All calls block. What `create`, `rename` and `remove` did to
/// names may be lost, or kept, in any order, by a power cut before `synchronize` has returned.
package protocol BootPartition: Sendable {
    /// The names of files in a directory, in no order; none where there is no such directory.
    func names(in directory: BootPath.Directory) throws(BootPartitionError) -> [String]
    /// The whole content; more than `limit` bytes is an error.
    func read(_ path: BootPath, limit: Int) throws(BootPartitionError) -> [UInt8]
    /// Makes a file that is not there; its content is on the disk when the call returns.
    func create(_ path: BootPath, with content: [UInt8]) throws(BootPartitionError)
    /// Gives a file another name in place of whatever bears it.
    func rename(_ path: BootPath, to other: BootPath) throws(BootPartitionError)
    /// No error when there is no such file.
    func remove(_ path: BootPath) throws(BootPartitionError)
    /// Returns when the names in a directory are on the disk.
    func synchronize(_ directory: BootPath.Directory) throws(BootPartitionError)
}

/// What could not be done to the boot partition.
package struct BootPartitionError: Error, Equatable, CustomStringConvertible {
    package enum Operation: String, Sendable {
        case list, read, create, rename, remove, synchronize
    }

    package let operation: Operation
    package let path: String
    package let reason: String

    package init(_ operation: Operation, _ path: String, reason: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }

    package var description: String { "boot partition: \(operation.rawValue) \(path): \(reason)" }
}

/// The EFI system partition where it is mounted.
package struct MountedPartition: BootPartition {
    private let mountPoint: String

    package init(mountPoint: String) {
        self.mountPoint = mountPoint
    }

    /// Makes both directories; the installer of the machine calls it, and start-up may.
    package func prepare() throws(BootPartitionError) {
        for path in ["EFI"] + BootPath.Directory.allCases.map(\.rawValue) {
            try attempt(.create, path) { () throws(SystemCallError) in
                // A FAT file system has no modes to change: only what is missing is made.
                if FileStamp("\(mountPoint)/\(path)") == nil {
                    try Directory.create("\(mountPoint)/\(path)")
                }
            }
        }
    }

    package func names(in directory: BootPath.Directory) throws(BootPartitionError) -> [String] {
        let path = "\(mountPoint)/\(directory.rawValue)"
        if FileStamp(path) == nil { return [] }
        return try attempt(.list, directory.rawValue) { () throws(SystemCallError) in
            try Directory.names(in: path)
        }
    }

    package func read(_ path: BootPath, limit: Int) throws(BootPartitionError) -> [UInt8] {
        try attempt(.read, "\(path)") { () throws(SystemCallError) in
            try readFile(location(path), limit: limit)
        }
    }

    package func create(_ path: BootPath, with content: [UInt8]) throws(BootPartitionError) {
        try attempt(.create, "\(path)") { () throws(SystemCallError) in
            try createFile(location(path), with: content, mode: 0o600)
        }
    }

    package func rename(_ path: BootPath, to other: BootPath) throws(BootPartitionError) {
        let found = try attempt(.rename, "\(path)") { () throws(SystemCallError) in
            try Directory.rename(file: location(path), to: location(other))
        }
        if !found { throw BootPartitionError(.rename, "\(path)", reason: "no such file") }
    }

    package func remove(_ path: BootPath) throws(BootPartitionError) {
        try attempt(.remove, "\(path)") { () throws(SystemCallError) in
            try Directory.remove(file: location(path))
        }
    }

    package func synchronize(_ directory: BootPath.Directory) throws(BootPartitionError) {
        try attempt(.synchronize, directory.rawValue) { () throws(SystemCallError) in
            try Directory.synchronize("\(mountPoint)/\(directory.rawValue)")
        }
    }

    private func location(_ path: BootPath) -> String { "\(mountPoint)/\(path)" }

    private func attempt<Value>(
        _ operation: BootPartitionError.Operation,
        _ path: String,
        _ body: () throws(SystemCallError) -> Value
    ) throws(BootPartitionError) -> Value {
        do { return try body() } catch {
            throw BootPartitionError(operation, path, reason: "\(error)")
        }
    }
}
