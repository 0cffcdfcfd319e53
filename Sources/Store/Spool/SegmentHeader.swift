// SPDX-License-Identifier: Apache-2.0
import Linux

/// Whether anybody would send a segment's instances again.
package enum SegmentKind: UInt8, Sendable, CaseIterable {
    /// Pushed to us: the only copy there may be.
    case unsolicited = 1
    /// Asked for by us: the archive it came from keeps it.
    case pulled = 2

    /// Held segments are never evicted.
    package var isHeld: Bool { self == .unsolicited }
}

/// The first page of a segment: which life of the file its records belong to.
///
///     0  checksum of bytes 8...4095     24 generation          40 created, ms since 1970
///     8  magic                          28 kind                48 zeros to 4096
///     16 version                        32 salt
///     20 segment number
///
/// Integers are little endian.
struct SegmentHeader: Equatable, Sendable {
    static let size = 4096
    private static let magic = UInt64(0x3130_4745_5358_4244)  // "DBXSEG01"
    private static let version = UInt32(1)

    var number: Int
    /// Counts the lives of the file: recycling starts the next.
    var generation: UInt32
    /// Seeds the records' checksums: a record left from an earlier life, or one that a peer hides in an instance,
    /// does not fit.
    var salt: UInt64
    var kind: SegmentKind
    /// Milliseconds since 1970.
    var created: Int64

    init(number: Int, generation: UInt32, salt: UInt64, kind: SegmentKind, created: Int64) {
        self.number = number
        self.generation = generation
        self.salt = salt
        self.kind = kind
        self.created = created
    }

    /// Nil unless `page` is a whole segment header.
    init?(page: RawSpan) {
        guard page.byteCount == Self.size, page.littleEndian(UInt64.self, at: 8) == Self.magic else {
            return nil
        }
        let checksum = Checksum.of(page.extracting(8..<Self.size), seed: 0)
        guard page.littleEndian(UInt64.self, at: 0) == checksum else { return nil }
        guard page.littleEndian(UInt32.self, at: 16) == Self.version else { return nil }
        guard let kind = SegmentKind(rawValue: page[28]) else { return nil }
        number = Int(page.littleEndian(UInt32.self, at: 20))
        generation = page.littleEndian(UInt32.self, at: 24)
        salt = page.littleEndian(UInt64.self, at: 32)
        created = page.littleEndian(Int64.self, at: 40)
        self.kind = kind
    }

    /// Fills `page`, which is `size` bytes long.
    func encode(into page: UnsafeMutableRawBufferPointer) {
        var writer = unsafe FieldWriter(page)
        writer.skip(8)
        writer.put(Self.magic)
        writer.put(Self.version)
        writer.put(UInt32(truncatingIfNeeded: number))
        writer.put(generation)
        writer.put(UInt32(kind.rawValue))
        writer.put(salt)
        writer.put(created)
        let checksum = unsafe Checksum.of(
            UnsafeRawBufferPointer(page).bytes.extracting(8..<Self.size),
            seed: 0
        )
        unsafe page.storeBytes(of: checksum.littleEndian, as: UInt64.self)
    }
}

/// Writes little endian fields one after the other into a page of zeros.
@safe
struct FieldWriter: ~Copyable {
    private let page: UnsafeMutableRawBufferPointer
    private var position = 0

    /// Clears the page.
    init(_ page: UnsafeMutableRawBufferPointer) {
        unsafe self.page = unsafe page
        unsafe page.initializeMemory(as: UInt8.self, repeating: 0)
    }

    mutating func skip(_ count: Int) {
        position += count
    }

    mutating func put<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        unsafe page.storeBytes(of: value.littleEndian, toByteOffset: position, as: Integer.self)
        position += MemoryLayout<Integer>.size
    }

    /// Two bytes of length, then the text in UTF-8.
    mutating func put(_ text: String) {
        var text = text
        let start = position + 2
        let count = text.withUTF8 { bytes in
            unsafe UnsafeMutableRawBufferPointer(rebasing: page[start...]).copyMemory(
                from: UnsafeRawBufferPointer(bytes)
            )
            return bytes.count
        }
        put(UInt16(count))
        position += count
    }

    /// One byte whether there is a value, then the value.
    mutating func put(_ value: Int?) {
        put(UInt8(value == nil ? 0 : 1))
        put(Int64(value ?? 0))
    }
}
