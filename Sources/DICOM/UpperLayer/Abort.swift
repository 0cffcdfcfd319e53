// SPDX-License-Identifier: Apache-2.0

/// A-ABORT: the association ends at once (PS3.8 9.3.8, Table 9-26).
package struct Abort: Hashable, Sendable {
    static let type: UInt8 = 0x07

    package enum Source: UInt8, Sendable {
        case serviceUser = 0
        /// Stands for every value that the standard does not define.
        case reserved = 1
        case serviceProvider = 2
    }

    package let source: Source
    /// Significant where the service provider aborts.
    package let reason: UInt8

    package static let reasonNotSpecified: UInt8 = 0
    package static let unrecognizedPDU: UInt8 = 1
    package static let unexpectedPDU: UInt8 = 2
    package static let unrecognizedPDUParameter: UInt8 = 4
    package static let unexpectedPDUParameter: UInt8 = 5
    package static let invalidPDUParameterValue: UInt8 = 6

    package init(source: Source, reason: UInt8 = reasonNotSpecified) {
        self.source = source
        self.reason = reason
    }

    /// `reason` in the words of Table 9-26.
    package var reasonDescription: String {
        switch (source, reason) {
        case (.serviceUser, _): "aborted by the service user"
        case (_, Self.reasonNotSpecified): "reason not specified"
        case (_, Self.unrecognizedPDU): "unrecognized PDU"
        case (_, Self.unexpectedPDU): "unexpected PDU"
        case (_, Self.unrecognizedPDUParameter): "unrecognized PDU parameter"
        case (_, Self.unexpectedPDUParameter): "unexpected PDU parameter"
        case (_, Self.invalidPDUParameterValue): "invalid PDU parameter value"
        default: "reserved reason \(reason)"
        }
    }
}

extension Abort {
    package init(decoding pdu: [UInt8]) throws(PDUError) {
        var fields = try PDUFieldReader(pdu, type: Self.type, minimumLength: 4)
        try fields.skip(2, "Reserved")
        let source = Source(rawValue: try fields.uint8("Source")) ?? .reserved
        self.init(source: source, reason: try fields.uint8("Reason/Diag"))
    }

    package func encode() -> [UInt8] {
        .pdu(Self.type, [0, 0, source.rawValue, reason])
    }
}
