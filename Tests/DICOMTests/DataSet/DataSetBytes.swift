// SPDX-License-Identifier: Apache-2.0
@testable import DICOM

/// Not the tag of a test.
typealias Tag = DICOM.Tag

/// Writes data elements for tests, independently of the code under test.
struct DataSetBytes {
    enum Form: String, CaseIterable, Sendable {
        case implicit, explicit, bigEndian

        var transferSyntax: UID {
            switch self {
            case .implicit: TransferSyntax.implicitVRLittleEndian
            case .explicit: TransferSyntax.explicitVRLittleEndian
            case .bigEndian: TransferSyntax.explicitVRBigEndian
            }
        }
    }

    var form: Form
    var bytes: [UInt8] = []

    init(_ form: Form) { self.form = form }

    func integer<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        let little = (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return form == .bigEndian ? little.reversed() : little
    }

    /// `length` other than the value's tells a lie, FFFFFFFFH is the undefined length.
    mutating func element(_ tag: UInt32, _ vr: String, _ value: [UInt8], length: UInt32? = nil) {
        bytes += integer(UInt16(tag >> 16)) + integer(UInt16(tag & 0xFFFF))
        let length = length ?? UInt32(value.count)
        if form == .implicit {
            bytes += integer(length)
        } else if ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(vr)
        {
            bytes += Array(vr.utf8) + [0, 0] + integer(length)
        } else {
            bytes += Array(vr.utf8) + integer(UInt16(truncatingIfNeeded: length))
        }
        bytes += value
    }

    /// Text padded to even length.
    mutating func element(_ tag: UInt32, _ vr: String, _ text: String) {
        var value = Array(text.utf8)
        if !value.count.isMultiple(of: 2) { value.append(vr == "UI" ? 0 : 0x20) }
        element(tag, vr, value)
    }

    /// An item header or delimiter: tag and length, in every form without VR.
    mutating func item(_ tag: UInt32, _ length: UInt32) {
        bytes += integer(UInt16(tag >> 16)) + integer(UInt16(tag & 0xFFFF)) + integer(length)
    }

    /// A header as a modality sends it, with what must be passed over: sequences of both kinds, nested ones,
    /// private groups and long values. `opaque` items have lengths and hold no elements.
    static func sample(_ form: Form, opaque: Bool = true) -> [UInt8] {
        var set = DataSetBytes(form)
        set.element(0x0008_0005, "CS", "ISO_IR 100")
        set.element(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.2")
        set.element(0x0008_0018, "UI", "1.2.3.4")
        set.element(0x0008_0020, "DA", "20240131")
        set.element(0x0008_0030, "TM", "101112.5")
        set.element(0x0008_0050, "SH", [0x41, 0xE9])
        set.element(0x0008_0060, "CS", "CT")
        set.element(0x0008_1030, "LO", "0123456789")
        set.undefinedSequence(0x0008_1140, opaque: opaque)
        set.definedSequence(0x0008_1199, opaque: opaque)
        set.element(0x0009_0010, "LO", "DRIMBOX TEST")
        set.element(0x0009_1001, "UN", [UInt8](repeating: 0xFE, count: 300))
        set.unknownSequence(0x0009_1002)
        set.element(0x0010_0020, "LO", " P-1 ")
        set.element(0x0020_000D, "UI", "1.2.3")
        set.element(0x0020_000E, "UI", "1.2.3.5")
        set.element(0x0020_0011, "IS", "+12")
        set.element(0x0020_0013, "IS", "345 ")
        set.element(0x0028_0010, "US", set.integer(UInt16(512)))
        return set.bytes
    }

    mutating func undefinedSequence(_ tag: UInt32, opaque: Bool) {
        element(tag, "SQ", [], length: .max)
        item(0xFFFE_E000, .max)
        element(0x0008_1155, "UI", "9.9.9")
        element(0x0008_1199, "SQ", [], length: .max)
        item(0xFFFE_E000, 8)
        if opaque { bytes += [UInt8](repeating: 0xAA, count: 8) } else { element(0x0008_1150, "UI", []) }
        item(0xFFFE_E0DD, 0)
        element(0x0020_000D, "UI", "9.9")
        item(0xFFFE_E00D, 0)
        item(0xFFFE_E0DD, 0)
    }

    mutating func definedSequence(_ tag: UInt32, opaque: Bool) {
        var inner = DataSetBytes(form)
        inner.item(0xFFFE_E000, 8)
        if opaque { inner.bytes += [1, 2, 3, 4, 5, 6, 7, 8] } else { inner.element(0x0008_1150, "UI", []) }
        element(tag, "SQ", inner.bytes)
    }

    /// UN of undefined length holds Implicit VR Little Endian (PS3.5 6.2.2).
    mutating func unknownSequence(_ tag: UInt32) {
        element(tag, "UN", [], length: .max)
        var inner = DataSetBytes(.implicit)
        inner.item(0xFFFE_E000, .max)
        inner.element(0x0009_1003, "LO", "abcd")
        inner.item(0xFFFE_E00D, 0)
        inner.item(0xFFFE_E0DD, 0)
        bytes += inner.bytes
    }
}

/// SplitMix64: the same numbers on every run.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension SplitMix64 {
    /// A few bytes changed, cut out or doubled.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2:
                bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...9, using: &self)))
            case 3: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 12)], at: index)
            default: bytes[index] = [0, 0xFF, 0x7F, 0x1B, 0x5C].randomElement(using: &self) ?? 0
            }
        }
        return bytes
    }
}
