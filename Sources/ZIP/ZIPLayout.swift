// SPDX-License-Identifier: Apache-2.0

/// The bytes around files that are stored as they are in an archive (APPNOTE 6.3, 4.3), for who sends the files' own bytes
/// from where they lie. Beyond 4 GiB or 65535 files it is ZIP64.
package struct ZIPLayout: Sendable {
    private struct Entry {
        let name: [UInt8]
        let crc32: UInt32
        let size: UInt64
        let offset: UInt64
    }

    private static let version: UInt16 = 20
    private static let version64: UInt16 = 45
    /// Names are in UTF-8.
    private static let flags: UInt16 = 1 << 11
    private static let largest = UInt64(UInt32.max)
    private static let mostFiles = Int(UInt16.max)

    private let time: UInt16
    private let date: UInt16
    private var entries: [Entry] = []
    private var position: UInt64 = 0

    /// All files have this time: of MS-DOS, in two seconds from 1980 on, of no zone.
    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        time = UInt16(truncatingIfNeeded: hour << 11 | minute << 5 | second / 2)
        date = UInt16(truncatingIfNeeded: max(0, year - 1980) << 9 | month << 5 | day)
    }

    /// What stands before the next file's bytes. `name` is a path with slashes.
    package mutating func add(_ name: String, size: Int64, crc32: UInt32) -> [UInt8] {
        let entry = Entry(name: Array(name.utf8), crc32: crc32, size: UInt64(size), offset: position)
        entries.append(entry)
        let isLong = entry.size >= Self.largest
        var bytes: [UInt8] = []
        bytes.append(UInt32(0x0403_4B50))
        bytes.append(isLong ? Self.version64 : Self.version)
        describe(entry, isLong: isLong, extra: 20, &bytes)
        bytes += entry.name
        if isLong {
            bytes.append(UInt16(1))
            bytes.append(UInt16(16))
            bytes.append(entry.size)
            bytes.append(entry.size)
        }
        position += UInt64(bytes.count) + entry.size
        return bytes
    }

    /// What stands behind the last file: without it there is no archive.
    package func end() -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries { append(entry, &bytes) }
        let size = UInt64(bytes.count)
        let isLong = entries.count >= Self.mostFiles || position >= Self.largest || size >= Self.largest
        if isLong {
            bytes.append(UInt32(0x0606_4B50))
            bytes.append(UInt64(44))
            bytes.append(Self.version64)
            bytes.append(Self.version64)
            bytes.append(UInt64(0))
            bytes.append(UInt64(entries.count))
            bytes.append(UInt64(entries.count))
            bytes.append(size)
            bytes.append(position)
            bytes.append(UInt32(0x0706_4B50))
            bytes.append(UInt32(0))
            bytes.append(position + size)
            bytes.append(UInt32(1))
        }
        let count = UInt16(isLong ? Self.mostFiles : entries.count)
        bytes.append(UInt32(0x0605_4B50))
        bytes.append(UInt32(0))
        bytes.append(count)
        bytes.append(count)
        bytes.append(UInt32(isLong ? Self.largest : size))
        bytes.append(UInt32(isLong ? Self.largest : position))
        bytes.append(UInt16(0))
        return bytes
    }

    private func append(_ entry: Entry, _ bytes: inout [UInt8]) {
        let isLong = entry.size >= Self.largest || entry.offset >= Self.largest
        bytes.append(UInt32(0x0201_4B50))
        bytes.append(isLong ? Self.version64 : Self.version)
        bytes.append(isLong ? Self.version64 : Self.version)
        describe(entry, isLong: isLong, extra: 28, &bytes)
        // No comment; disk 0; no attributes.
        bytes += Array(repeating: 0, count: 10)
        bytes.append(UInt32(isLong ? Self.largest : entry.offset))
        bytes += entry.name
        if isLong {
            bytes.append(UInt16(1))
            bytes.append(UInt16(24))
            bytes.append(entry.size)
            bytes.append(entry.size)
            bytes.append(entry.offset)
        }
    }

    /// From the flags to the lengths of name and extra field, which only what is long has.
    private func describe(_ entry: Entry, isLong: Bool, extra: UInt16, _ bytes: inout [UInt8]) {
        bytes.append(Self.flags)
        bytes.append(UInt16(0))
        bytes.append(time)
        bytes.append(date)
        bytes.append(entry.crc32)
        bytes.append(UInt32(isLong ? Self.largest : entry.size))
        bytes.append(UInt32(isLong ? Self.largest : entry.size))
        bytes.append(UInt16(entry.name.count))
        bytes.append(isLong ? extra : 0)
    }
}

extension [UInt8] {
    /// In little endian.
    fileprivate mutating func append(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
