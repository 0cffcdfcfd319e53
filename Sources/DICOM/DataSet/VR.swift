// SPDX-License-Identifier: Apache-2.0

/// A value representation (PS3.5 6.2). The raw value is its two letters as they lie in an Explicit VR data set,
/// first letter in the upper byte.
package enum VR: UInt16, Sendable, CustomStringConvertible {
    case ae = 0x4145
    case `as` = 0x4153
    case at = 0x4154
    case cs = 0x4353
    case da = 0x4441
    case ds = 0x4453
    case dt = 0x4454
    case fd = 0x4644
    case fl = 0x464C
    case `is` = 0x4953
    case lo = 0x4C4F
    case lt = 0x4C54
    case ob = 0x4F42
    case od = 0x4F44
    case of = 0x4F46
    case ol = 0x4F4C
    case ov = 0x4F56
    case ow = 0x4F57
    case pn = 0x504E
    case sh = 0x5348
    case sl = 0x534C
    case sq = 0x5351
    case ss = 0x5353
    case st = 0x5354
    case sv = 0x5356
    case tm = 0x544D
    case uc = 0x5543
    case ui = 0x5549
    case ul = 0x554C
    case un = 0x554E
    case ur = 0x5552
    case us = 0x5553
    case ut = 0x5554
    case uv = 0x5556

    /// Whether a 32 bit length follows two reserved bytes (PS3.5 Table 7.1-1); else the length has 16 bit.
    package var hasLongLength: Bool {
        switch self {
        case .ob, .od, .of, .ol, .ov, .ow, .sq, .sv, .uc, .un, .ur, .ut, .uv: true
        default: false
        }
    }

    /// Whether values are bytes without text or numbers of their own in DICOM JSON (PS3.18 F.2.7).
    package var isBinary: Bool {
        switch self {
        case .ob, .od, .of, .ol, .ov, .ow, .un: true
        default: false
        }
    }

    /// The two letters.
    package var description: String {
        String(decoding: [UInt8(rawValue >> 8), UInt8(truncatingIfNeeded: rawValue)], as: UTF8.self)
    }
}
