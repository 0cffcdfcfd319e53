// SPDX-License-Identifier: Apache-2.0

/// A report on its way: ORU^R01 (2.5) or MDM^T02, T10, T04 (2.6) of the national profile "Transmission d'un document
/// CDA-R2 en HL7v2" (CISIS_CDA_HL7_V2).
package struct ReportMessage: Sendable {
    package enum Action: String, Sendable {
        case publish
        case replace
        case delete
    }

    /// An identifier of PID-3 (CX).
    package struct Identifier: Equatable, Sendable {
        package let value: String
        /// CX-4.2.
        package let authority: String
    }

    package let controlID: String
    package let action: Action
    /// Under the INS of PID-3, found by its type.
    package let nationalIdentifier: Identifier?
    /// The site's own (PI).
    package let localIdentifier: Identifier?
    /// PID-32 says VALI: the INS is « qualifiée ».
    package let isQualified: Bool
    /// PRT-8 of the sender (SB): the identifier of the structure, and its type (FINEG, FINEJ, IDNST).
    package let senderStructure: Identifier?
    package let senderStructureType: String?
    /// TXA-12 and TXA-13, where there is a TXA.
    package let documentID: String?
    package let parentDocumentID: String?
    /// OBX-3.1 of the flags (MetaDMPMSS) that are Y.
    package let flags: Set<String>
    /// Flags that are given at all.
    package let knownFlags: Set<String>
    /// The CDA.
    package let document: [UInt8]

    package func isSet(_ flag: String) -> Bool { flags.contains(flag) }

    package init(_ message: HL7Message) throws(HL7Error) {
        let header = try message.required("MSH")
        controlID = try header.required(10)
        let type = try header.required(9)
        let event = try header.text(9, component: 2)
        action = try Self.action(message, type, event)
        let patient = try message.required("PID")
        (nationalIdentifier, localIdentifier) = try Self.identifiers(patient)
        var isQualified = false
        for repetition in 1...max(1, patient.repetitions(32))
        where try patient.text(32, repetition: repetition) == "VALI" {
            isQualified = true
        }
        self.isQualified = isQualified
        (senderStructure, senderStructureType) = try Self.sender(message)
        let transcription = message.first("TXA")
        documentID = try transcription?.text(12)
        parentDocumentID = try transcription?.text(13)
        (flags, knownFlags) = try Self.flags(message)
        document = try Self.document(message)
    }

    // MARK: What is asked for

    private static func action(
        _ message: HL7Message,
        _ type: String,
        _ event: String?
    ) throws(HL7Error) -> Action {
        let allowed: Set<Action>
        switch (type, event) {
        case ("ORU", "R01"): allowed = [.publish, .replace, .delete]
        case ("MDM", "T02"): allowed = [.publish]
        case ("MDM", "T10"): allowed = [.replace]
        case ("MDM", "T04"): allowed = [.delete]
        case ("ORU", _), ("MDM", _):
            throw HL7Error(
                .eventCode,
                "MSH-9",
                found: "another event",
                expected: "ORU^R01 or MDM^T02, T10, T04"
            )
        default: throw HL7Error(.messageType, "MSH-9", found: "another type", expected: "ORU, MDM or OMI")
        }
        let order = try message.required("ORC").required(1)
        let asked: Action
        switch order {
        case "NW": asked = .publish
        case "RO": asked = .replace
        case "CA": asked = .delete
        default: throw HL7Error(.tableValue, "ORC-1", found: "another code", expected: "NW, RO or CA")
        }
        guard allowed.contains(asked) else {
            throw HL7Error(.tableValue, "ORC-1", found: order, expected: "what the event \(event ?? "") says")
        }
        // F with RO occurs in official samples of replacements.
        switch (asked, try message.all("OBX").first?.text(11)) {
        case (.publish, "F"), (.replace, "C"), (.replace, "F"), (.delete, "D"): return asked
        case (.publish, let found), (.replace, let found), (.delete, let found):
            let expected = asked == .publish ? "F" : asked == .replace ? "C or F" : "D"
            let isCode = found.map { $0.utf8.count <= 2 } ?? false
            throw HL7Error(
                .tableValue,
                "OBX-11",
                found: isCode ? found ?? "" : "no such code",
                expected: "\(expected), as ORC-1 is \(order)"
            )
        }
    }

    // MARK: Who

    /// By their types (CX-5), never by their positions.
    private static func identifiers(
        _ patient: HL7Message.Segment
    ) throws(HL7Error) -> (national: Identifier?, local: Identifier?) {
        var (national, local): (Identifier?, Identifier?)
        for repetition in 1...max(1, patient.repetitions(3)) {
            guard let value = try patient.text(3, repetition: repetition) else { continue }
            let type = try patient.text(3, repetition: repetition, component: 5)
            let authority = try patient.text(3, repetition: repetition, component: 4, subcomponent: 2) ?? ""
            if type == "INS" || type == "INS-C" || type == "NH", national == nil {
                national = Identifier(value: value, authority: authority)
            } else if type == "PI", local == nil {
                local = Identifier(value: value, authority: authority)
            }
        }
        return (national, local)
    }

    private static func sender(_ message: HL7Message) throws(HL7Error) -> (Identifier?, String?) {
        for participation in message.all("PRT") where try participation.text(4) == "SB" {
            guard let number = try participation.text(8, component: 10) else { continue }
            let authority = try participation.text(8, component: 6, subcomponent: 2) ?? ""
            return (Identifier(value: number, authority: authority), try participation.text(8, component: 7))
        }
        return (nil, nil)
    }

    // MARK: What

    private static func flags(_ message: HL7Message) throws(HL7Error) -> (
        set: Set<String>, known: Set<String>
    ) {
        var (set, known): (Set<String>, Set<String>) = ([], [])
        for observation in message.all("OBX") where try observation.text(3, component: 3) == "MetaDMPMSS" {
            guard let name = try observation.text(3) else { continue }
            switch try observation.text(5) {
            case "Y": set.insert(name)
            case "N", nil: break
            default:
                throw HL7Error(.tableValue, "OBX-5", found: "another value", expected: "Y or N for \(name)")
            }
            guard known.insert(name).inserted else {
                throw HL7Error(.cardinality, "OBX-3", found: "\(name) twice", expected: "each flag once")
            }
        }
        return (set, known)
    }

    private static func document(_ message: HL7Message) throws(HL7Error) -> [UInt8] {
        var documents: [HL7Message.Segment] = []
        for observation in message.all("OBX") where try observation.text(2) == "ED" {
            documents.append(observation)
        }
        guard let observation = documents.first else {
            throw HL7Error(.segmentSequence, "OBX", found: "none of type ED", expected: "the document")
        }
        guard documents.count == 1 else {
            throw HL7Error(.cardinality, "OBX", found: "\(documents.count) documents", expected: "one")
        }
        guard try observation.text(5, component: 4)?.uppercased() == "BASE64" else {
            throw HL7Error(.tableValue, "OBX-5", found: "another encoding", expected: "Base64")
        }
        let encoded = observation.bytes(5, repetition: 1, component: 5)
        guard !encoded.isEmpty else {
            throw HL7Error(.requiredField, "OBX-5", found: "no document", expected: "a document in Base64")
        }
        guard let document = Base64.decode(encoded) else {
            throw HL7Error(.dataType, "OBX-5", found: "no whole Base64", expected: "a document in Base64")
        }
        return document
    }
}
