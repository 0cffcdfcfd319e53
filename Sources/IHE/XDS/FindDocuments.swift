// SPDX-License-Identifier: Apache-2.0
package import XML

/// Registry Stored Query (ITI-18, ITI TF-2 3.18; TD3.1): FindDocuments, and FindDocumentsByReferenceId where
/// there are references. Empty lists filter nothing, but for the statuses: without one the registry refuses.
package struct FindDocuments: Equatable, Sendable {
    package static let action = "urn:ihe:iti:2007:RegistryStoredQuery"

    /// CX, as `DataTypes.patientIdentifier`.
    package var patientID: String
    package var statuses: [RegisteredDocument.Status]
    package var typeCodes: [Coded]
    package var formatCodes: [Coded]
    /// One of each list has to be among an entry's codes.
    package var eventCodes: [[Coded]]
    /// DTM in UTC, YYYY to YYYYMMDDhhmmss; from is included, to is not (ITI TF-2 3.18.4.1.2.3.7.1).
    package var serviceStartFrom: String?
    package var serviceStartTo: String?
    /// CXi, as `DataTypes.reference`; one of them has to be an entry's.
    package var references: [String]

    package init(
        patientID: String,
        statuses: [RegisteredDocument.Status] = [.approved],
        typeCodes: [Coded] = [],
        formatCodes: [Coded] = [],
        eventCodes: [[Coded]] = [],
        serviceStartFrom: String? = nil,
        serviceStartTo: String? = nil,
        references: [String] = []
    ) {
        self.patientID = patientID
        self.statuses = statuses
        self.typeCodes = typeCodes
        self.formatCodes = formatCodes
        self.eventCodes = eventCodes
        self.serviceStartFrom = serviceStartFrom
        self.serviceStartTo = serviceStartTo
        self.references = references
    }

    package var body: XMLElement {
        let query =
            references.isEmpty
            ? "14d4debf-8f97-4251-9a74-a90016b0af0d" : "12941a89-e02e-4be5-967c-ce4bfc8fe492"
        return .make(
            "AdhocQueryRequest",
            in: EbRIM.query,
            [
                .make(
                    "ResponseOption",
                    in: EbRIM.query,
                    ["returnComposedObjects": "true", "returnType": "LeafClass"]
                ), .make("AdhocQuery", in: EbRIM.rim, ["id": "urn:uuid:\(query)"], slots),
            ]
        )
    }

    private var slots: [XMLElement] {
        func slot(_ parameter: String, _ values: [String]) -> XMLElement? {
            values.isEmpty ? nil : EbRIM.slot("$XDSDocumentEntry\(parameter)", values)
        }
        func codes(_ parameter: String, _ codes: [Coded]) -> XMLElement? {
            slot(parameter, Self.lists(codes.map { "\($0.value)^^\($0.scheme)" }))
        }
        func time(_ parameter: String, _ time: String?) -> XMLElement? {
            let digits = String((time ?? "").filter { $0.isASCII && $0.isNumber }.prefix(14))
            return slot(parameter, digits.isEmpty ? [] : [digits])
        }
        let first = [
            slot("PatientId", [Self.quoted(patientID)]),
            slot("Status", Self.lists(statuses.map(\.urn))),
            codes("TypeCode", typeCodes),
            codes("FormatCode", formatCodes),
        ]
        let last = [
            time("ServiceStartTimeFrom", serviceStartFrom),
            time("ServiceStartTimeTo", serviceStartTo),
            slot("ReferenceIdList", Self.lists(references)),
        ]
        return (first + eventCodes.map { codes("EventCodeList", $0) } + last).compactMap { $0 }
    }

    // MARK: Values (ITI TF-2 3.18.4.1.2.3.5)

    /// A single quote in a value is doubled.
    private static func quoted(_ value: String) -> String {
        var result = "'".unicodeScalars
        for scalar in value.unicodeScalars {
            result.append(scalar)
            if scalar == "'" { result.append(scalar) }
        }
        result.append("'")
        return String(result)
    }

    /// In parentheses; in several Values of the one slot, which are one list, where the schema's 256 characters
    /// of a Value do not hold all. What alone is longer stays whole.
    private static func lists(_ values: [String]) -> [String] {
        var lists: [String] = []
        var list = ""
        for value in values.map(quoted) {
            if !list.isEmpty, list.unicodeScalars.count + value.unicodeScalars.count + 3 > 256 {
                lists.append("(\(list))")
                list = ""
            }
            list += list.isEmpty ? value : ",\(value)"
        }
        return list.isEmpty ? lists : lists + ["(\(list))"]
    }

    // MARK: The answer

    /// The entries of an AdhocQueryResponse, whose status `Envelope.check` tells; `unreadable` counts those
    /// without an id, a unique id, a patient or a status that is known.
    package static func documents(
        _ body: XMLElement
    ) -> (documents: [RegisteredDocument], unreadable: Int) {
        let objects = body.descendants(XMLName("ExtrinsicObject", in: EbRIM.rim))
        let documents = objects.compactMap { try? RegisteredDocument(reading: $0) }
        return (documents, objects.count - documents.count)
    }
}
