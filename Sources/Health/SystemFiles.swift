// SPDX-License-Identifier: Apache-2.0
import Linux

/// The kernel's files about the hardware. A file that is not there or cannot be read is nil, a part of the
/// hardware that is not there is an empty list. Reads block: a driver can take a while to answer.
package struct SystemFiles: Sendable {
    private static let limit = 1 << 20

    private let root: String

    /// `root`: the directory that holds `sys` and `proc`.
    package init(root: String = "/") {
        self.root = root.hasSuffix("/") ? root : root + "/"
    }

    /// The file's text without space around it. `path` is without the first slash.
    func text(_ path: String) -> String? {
        guard let bytes = try? readFile(root + path, limit: Self.limit) else { return nil }
        return String(String(decoding: bytes, as: UTF8.self).trimmed)
    }

    func integer(_ path: String) -> Int? { text(path).flatMap { Int($0) } }

    /// Names in a directory, numbers in their order: `nvme2` before `nvme10`.
    func names(_ path: String) -> [String] {
        let names = (try? Directory.names(in: root + path)) ?? []
        return names.sorted { ($0.count, $0) < ($1.count, $1) }
    }
}

extension SystemFiles {
    /// Disks that smartctl can be asked about, as device paths: SCSI, SATA and IDE disks and NVMe
    /// controllers. Not those that can be taken out, as memory sticks, nor slots without a medium.
    package func disks() -> [String] {
        let blocks = names("sys/block")
        let disks = blocks.filter { name in
            guard name.isLetters(after: "sd") || name.isLetters(after: "hd") else { return false }
            return integer("sys/block/\(name)/removable") != 1 && integer("sys/block/\(name)/size") != 0
        }
        let spaces = blocks.compactMap(NVMeName.init)
        // A subsystem that has paths is numbered apart from its controllers.
        let withPaths = Set(spaces.filter { $0.controller != nil }.map(\.instance))
        let controllers = spaces.compactMap { space in
            space.controller ?? (withPaths.contains(space.instance) ? nil : space.instance)
        }
        return disks.map { "/dev/\($0)" } + Set(controllers).sorted().map { "/dev/nvme\($0)" }
    }
}

/// `nvme0n1`, or with several paths to a disk `nvme0c1n1`: subsystem 0 by way of controller 1.
private struct NVMeName {
    let instance: Int
    let controller: Int?

    init?(_ name: String) {
        guard name.hasPrefix("nvme") else { return nil }
        let parts = name.dropFirst(4).split(separator: "n", omittingEmptySubsequences: false)
        guard parts.count == 2, Int(parts[1]) != nil else { return nil }
        let numbers = parts[0].split(separator: "c", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = numbers.first, let first, numbers.count <= 2 else { return nil }
        instance = first
        if numbers.count == 2 {
            guard let second = numbers[1] else { return nil }
            controller = second
        } else {
            controller = nil
        }
    }
}

extension String {
    fileprivate func isLetters(after prefix: String) -> Bool {
        hasPrefix(prefix) && count > prefix.count
            && dropFirst(prefix.count).allSatisfy { ("a"..."z").contains($0) }
    }
}
