// SPDX-License-Identifier: Apache-2.0

extension SystemFiles {
    /// A line of `/proc/self/mountinfo` (proc(5)).
    package struct Mount: Equatable, Sendable {
        package let path: String
        /// `ext4`.
        package let fileSystem: String
        /// As in `/sys/block` and `/sys/fs`: `dm-0`, `sda2`. Absent of file systems without a disk.
        package let device: String?
    }

    /// The mount that a file at `path` lies in; nil where the list cannot be read.
    package func mount(holding path: String) -> Mount? {
        var best: (path: String, fileSystem: String, number: String)?
        for line in (text("proc/self/mountinfo") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else {
                continue
            }
            let mountPoint = Self.unescaped(fields[4])
            guard path == mountPoint || path.hasPrefix(mountPoint == "/" ? "/" : mountPoint + "/") else {
                continue
            }
            // Of two at one place the later one lies above.
            if mountPoint.utf8.count >= best?.path.utf8.count ?? 0 {
                best = (mountPoint, String(fields[dash + 1]), String(fields[2]))
            }
        }
        return best.map { Mount(path: $0.path, fileSystem: $0.fileSystem, device: deviceName($0.number)) }
    }

    /// Errors that ext4 has noted in the file system on `device`; nil where there is no ext4.
    package func ext4Errors(device: String) -> Int? {
        integer("sys/fs/ext4/\(device)/errors_count")
    }

    /// Errors of the ext4 file system that a file at `path` lies in; nil where it is of another kind.
    package func ext4Errors(holding path: String) -> Int? {
        guard let mount = mount(holding: path), mount.fileSystem == "ext4" else { return nil }
        return mount.device.flatMap { ext4Errors(device: $0) }
    }

    private func deviceName(_ number: String) -> String? {
        let lines = (text("sys/dev/block/\(number)/uevent") ?? "").split(separator: "\n")
        return lines.first { $0.hasPrefix("DEVNAME=") }.map { String($0.dropFirst(8)) }
    }

    /// Space, tab, newline and backslash are written as `\040` and so on.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
