// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux

/// Segments as files `segment-00000001` and so on of one directory.
struct DirectoryDisk: SpoolDisk {
    private static let prefix = "segment-"

    private let directory: String

    init(directory: String) throws(SystemCallError) {
        self.directory = directory
        try Directory.create(directory)
    }

    func segments() throws(SystemCallError) -> [Int] {
        try Directory.names(in: directory).compactMap { name in
            guard name.hasPrefix(Self.prefix) else { return nil }
            return Int(name.dropFirst(Self.prefix.count))
        }
    }

    func open(_ number: Int) throws(SystemCallError) -> any SpoolFile {
        try SegmentDescriptor(path: path(number), O_RDWR)
    }

    func create(_ number: Int) throws(SystemCallError) -> any SpoolFile {
        try SegmentDescriptor(path: path(number), O_RDWR | O_CREAT | O_EXCL)
    }

    func remove(_ number: Int) throws(SystemCallError) {
        try Directory.remove(file: path(number))
    }

    func synchronizeNames() throws(SystemCallError) {
        try Directory.synchronize(directory)
    }

    private func path(_ number: Int) -> String {
        let digits = String(number)
        return directory + "/" + Self.prefix + String(repeating: "0", count: max(0, 8 - digits.count))
            + digits
    }
}

private final class SegmentDescriptor: SpoolFile {
    private let file: Descriptor
    private let path: String

    init(path: String, _ flags: Int32) throws(SystemCallError) {
        self.path = path
        file = try Descriptor(opening: path, flags)
    }

    var descriptor: Int32 { file.rawValue }

    func write(_ pieces: UnsafeMutableBufferPointer<iovec>, at offset: Int64) throws(SystemCallError) {
        try unsafe file.write(pieces, at: offset, of: path)
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemCallError) -> Int {
        try unsafe file.read(into: buffer, at: offset, of: path)
    }

    func synchronize() throws(SystemCallError) {
        try file.synchronizeData(of: path)
    }

    func reserve(_ range: Range<Int64>) throws(SystemCallError) {
        try file.reserve(range, of: path)
    }

    func truncate(to size: Int64) throws(SystemCallError) {
        try file.truncate(to: size, of: path)
    }

    func extent() throws(SystemCallError) -> (size: Int64, occupied: Int64) {
        try file.extent(of: path)
    }
}
