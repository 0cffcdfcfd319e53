// SPDX-License-Identifier: Apache-2.0
import Linux

/// How data elements are written (PS3.5 7.1.2, 7.1.3, 7.3).
enum ElementEncoding: Sendable {
    case implicitLittleEndian
    case explicitLittleEndian
    case explicitBigEndian

    /// Of a transfer syntax' data set, once inflated. An unknown syntax, private ones too, is Explicit VR Little
    /// Endian (PS3.5 A.4).
    init(transferSyntax: UID) {
        self =
            switch transferSyntax {
            case TransferSyntax.implicitVRLittleEndian, TransferSyntax.implicitVRLittleEndianGE:
                .implicitLittleEndian
            case TransferSyntax.explicitVRBigEndian: .explicitBigEndian
            default: .explicitLittleEndian
            }
    }

    /// The tag in the four bytes at `offset`.
    @inline(__always)
    func tag(_ bytes: RawSpan, at offset: Int) -> Tag {
        if self == .explicitBigEndian { return Tag(rawValue: bytes.bigEndian(UInt32.self, at: offset)) }
        let halves = bytes.littleEndian(UInt32.self, at: offset)
        return Tag(rawValue: halves << 16 | halves >> 16)
    }

    @inline(__always)
    func uint32(_ bytes: RawSpan, at offset: Int) -> UInt32 {
        self == .explicitBigEndian
            ? bytes.bigEndian(UInt32.self, at: offset) : bytes.littleEndian(UInt32.self, at: offset)
    }

    @inline(__always)
    func uint16(_ bytes: RawSpan, at offset: Int) -> UInt16 {
        self == .explicitBigEndian
            ? bytes.bigEndian(UInt16.self, at: offset) : bytes.littleEndian(UInt16.self, at: offset)
    }

    /// Inside a UN element of undefined length (PS3.5 6.2.2 note 2).
    var insideUnknown: ElementEncoding { .implicitLittleEndian }
}

/// What precedes a value: tag, VR and length.
struct ElementHeader {
    /// Tag, VR, two reserved bytes, 32 bit length.
    static let maximumSize = 12
    private static let undefinedLength = UInt32.max

    let tag: Tag
    /// Nil in Implicit VR, for item tags, and for two letters that PS3.5 does not name.
    let vr: VR?
    /// Bytes of value; 0 where undefined.
    let length: Int
    let hasUndefinedLength: Bool
    /// Bytes of this header.
    let size: Int

    /// The header at `offset` of `bytes`, which starts `base` bytes into the data set; nil when the bytes do not
    /// hold all of it.
    @inline(__always)
    static func read(
        _ bytes: RawSpan,
        at offset: Int,
        base: Int,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> ElementHeader? {
        let available = bytes.byteCount - offset
        guard available >= 8 else { return nil }
        let tag = encoding.tag(bytes, at: offset)
        if encoding == .implicitLittleEndian || tag.rawValue >> 16 == 0xFFFE {
            return ElementHeader(tag, nil, encoding.uint32(bytes, at: offset + 4), 8)
        }
        let letters = bytes.bigEndian(UInt16.self, at: offset + 4)
        let vr = VR(rawValue: letters)
        if let vr, !vr.hasLongLength {
            return ElementHeader(tag, vr, UInt32(encoding.uint16(bytes, at: offset + 6)), 8)
        }
        guard vr != nil || isTwoLetters(letters) else {
            throw .invalidVR(tag, found: letters, offset: base + offset)
        }
        // PS3.5 6.2: a VR of a later edition has the form with the 32 bit length.
        guard available >= maximumSize else { return nil }
        return ElementHeader(tag, vr, encoding.uint32(bytes, at: offset + 8), maximumSize)
    }

    @inline(__always)
    private init(_ tag: Tag, _ vr: VR?, _ length: UInt32, _ size: Int) {
        self.tag = tag
        self.vr = vr
        hasUndefinedLength = length == Self.undefinedLength
        self.length = length == Self.undefinedLength ? 0 : Int(length)
        self.size = size
    }

    private static func isTwoLetters(_ letters: UInt16) -> Bool {
        (0x41...0x5A).contains(letters >> 8) && (0x41...0x5A).contains(letters & 0xFF)
    }

    /// Whether a value of undefined length may hold a sequence of items: SQ, UN, encapsulated pixel data, and in
    /// Implicit VR every element (PS3.5 7.5, A.4).
    var mayHoldItems: Bool {
        switch vr {
        case nil, .sq, .un, .ob, .ow: true
        default: false
        }
    }
}
