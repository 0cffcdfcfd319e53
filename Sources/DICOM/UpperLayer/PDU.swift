// SPDX-License-Identifier: Apache-2.0

/// A PDU (PS3.8 9.3) other than P-DATA-TF, whose values are never held: `PDUReader` tells where they lie.
package enum PDU: Hashable, Sendable {
    case associateRQ(AssociateRQ)
    case associateAC(AssociateAC)
    case associateRJ(AssociateRJ)
    case releaseRQ
    case releaseRP
    case abort(Abort)

    package static let dataTFType: UInt8 = 0x04
    static let releaseRQType: UInt8 = 0x05
    static let releaseRPType: UInt8 = 0x06
    /// Type, reserved byte, four bytes of length.
    static let headerLength = 6

    package func encode() -> [UInt8] {
        switch self {
        case .associateRQ(let pdu): pdu.encode()
        case .associateAC(let pdu): pdu.encode()
        case .associateRJ(let pdu): pdu.encode()
        case .releaseRQ: .pdu(Self.releaseRQType, [0, 0, 0, 0])
        case .releaseRP: .pdu(Self.releaseRPType, [0, 0, 0, 0])
        case .abort(let pdu): pdu.encode()
        }
    }

    /// `pdu` is the whole PDU.
    package init(decoding pdu: [UInt8]) throws(PDUError) {
        switch pdu.first {
        case AssociateRQ.type: self = .associateRQ(try AssociateRQ(decoding: pdu))
        case AssociateAC.type: self = .associateAC(try AssociateAC(decoding: pdu))
        case AssociateRJ.type: self = .associateRJ(try AssociateRJ(decoding: pdu))
        case Self.releaseRQType:
            _ = try PDUFieldReader(pdu, type: Self.releaseRQType, minimumLength: 4)
            self = .releaseRQ
        case Self.releaseRPType:
            _ = try PDUFieldReader(pdu, type: Self.releaseRPType, minimumLength: 4)
            self = .releaseRP
        case Abort.type: self = .abort(try Abort(decoding: pdu))
        default: throw .unrecognizedType(pdu.first ?? 0)
        }
    }
}
