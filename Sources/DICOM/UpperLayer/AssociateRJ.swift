// SPDX-License-Identifier: Apache-2.0

/// A-ASSOCIATE-RJ: the association is refused (PS3.8 9.3.4, Table 9-21).
package struct AssociateRJ: Hashable, Sendable {
    static let type: UInt8 = 0x03

    package enum Result: UInt8, Sendable {
        case rejectedPermanent = 1
        case rejectedTransient = 2
    }

    package enum Source: UInt8, Sendable {
        case serviceUser = 1
        case serviceProviderACSE = 2
        case serviceProviderPresentation = 3
    }

    package let result: Result
    package let source: Source
    /// Meaning depends on `source`; kept raw because reserved values occur in the field.
    package let reason: UInt8

    package init(result: Result, source: Source, reason: UInt8) {
        self.result = result
        self.source = source
        self.reason = reason
    }
}

extension AssociateRJ {
    package static let noReasonGiven = permanent(.serviceUser, 1)
    package static let applicationContextNameNotSupported = permanent(.serviceUser, 2)
    package static let callingAETitleNotRecognized = permanent(.serviceUser, 3)
    package static let calledAETitleNotRecognized = permanent(.serviceUser, 7)
    package static let protocolVersionNotSupported = permanent(.serviceProviderACSE, 2)
    package static let temporaryCongestion = transient(.serviceProviderPresentation, 1)
    package static let localLimitExceeded = transient(.serviceProviderPresentation, 2)

    private static func permanent(_ source: Source, _ reason: UInt8) -> AssociateRJ {
        AssociateRJ(result: .rejectedPermanent, source: source, reason: reason)
    }

    private static func transient(_ source: Source, _ reason: UInt8) -> AssociateRJ {
        AssociateRJ(result: .rejectedTransient, source: source, reason: reason)
    }

    /// `reason` in the words of Table 9-21.
    package var reasonDescription: String {
        switch (source, reason) {
        case (.serviceUser, 1), (.serviceProviderACSE, 1): "no reason given"
        case (.serviceUser, 2): "application context name not supported"
        case (.serviceUser, 3): "calling AE title not recognized"
        case (.serviceUser, 7): "called AE title not recognized"
        case (.serviceProviderACSE, 2): "protocol version not supported"
        case (.serviceProviderPresentation, 1): "temporary congestion"
        case (.serviceProviderPresentation, 2): "local limit exceeded"
        default: "reserved reason \(reason)"
        }
    }
}

extension AssociateRJ {
    package init(decoding pdu: [UInt8]) throws(PDUError) {
        var fields = try PDUFieldReader(pdu, type: Self.type, minimumLength: 4)
        try fields.skip(1, "Reserved")
        let result = try fields.uint8("Result")
        let source = try fields.uint8("Source")
        guard let result = Result(rawValue: result) else {
            throw .invalid("Result", at: 7, found: Int(result), expected: "1 or 2")
        }
        guard let source = Source(rawValue: source) else {
            throw .invalid("Source", at: 8, found: Int(source), expected: "1 to 3")
        }
        self.init(result: result, source: source, reason: try fields.uint8("Reason/Diag."))
    }

    package func encode() -> [UInt8] {
        .pdu(Self.type, [0, result.rawValue, source.rawValue, reason])
    }
}
