// SPDX-License-Identifier: Apache-2.0

/// A PDU that cannot be read. Offsets are bytes from the start of the PDU.
package enum PDUError: Error, Hashable, Sendable {
    /// PS3.8 9.3.1 knows types 01H to 07H.
    case unrecognizedType(UInt8)
    case invalid(field: String, offset: Int, found: String, expected: String)

    /// Evt19's reason in the A-ABORT that answers (PS3.8 9.3.8).
    package var abortReason: UInt8 {
        switch self {
        case .unrecognizedType: Abort.unrecognizedPDU
        case .invalid: Abort.invalidPDUParameterValue
        }
    }

    static func invalid(_ field: String, at offset: Int, found: Int, expected: String) -> PDUError {
        .invalid(field: field, offset: offset, found: String(found), expected: expected)
    }
}

extension PDUError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unrecognizedType(let type):
            "pdu: type: found \(type), expected 1 to 7"
        case .invalid(let field, let offset, let found, let expected):
            "pdu: \(field) at byte \(offset): found \(found), expected \(expected)"
        }
    }
}

/// What a PDU may ask of its reader.
package enum PDULimits {
    /// Bytes of an A-ASSOCIATE-RQ or -AC after its header. 128 presentation contexts with 20 transfer
    /// syntaxes of 64 characters each take 176 KiB.
    package static let associateLength = 256 << 10
    /// Odd identifiers 1 to 255 (PS3.8 9.3.2.2).
    package static let presentationContexts = 128
    package static let transferSyntaxes = 64
    /// User information sub items of one type.
    package static let subItems = 256
}
