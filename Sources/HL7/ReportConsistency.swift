// SPDX-License-Identifier: Apache-2.0

extension ReportMessage {
    /// What in the report contradicts the message that brings it; nothing where they agree. Identifiers are compared,
    /// never names, which arrive spelled in many ways.
    package func contradictions(in report: ClinicalDocument) -> [HL7Error] {
        var errors: [HL7Error] = []
        let path = "ClinicalDocument/recordTarget/patientRole/id"
        if let national = report.nationalIdentifier {
            if let own = nationalIdentifier, national.extension != own.value || national.root != own.authority
            {
                errors.append(
                    HL7Error(
                        .applicationError,
                        path,
                        found: "another INS",
                        expected: "that of PID-3",
                        application: .nationalIdentifierMismatch
                    )
                )
            }
            if let value = national.extension, !Self.isMatricule(value) {
                errors.append(
                    HL7Error(
                        .applicationError,
                        path,
                        found: "\(value.count) characters",
                        expected: "an INS of 15",
                        application: .nationalIdentifierIncomplete
                    )
                )
            }
        } else {
            errors.append(
                HL7Error(
                    .applicationError,
                    path,
                    found: "none under an OID of the INS",
                    expected: "one",
                    application: .noNationalIdentifier
                )
            )
        }
        if let local = localIdentifier, !report.localIdentifiers.isEmpty,
            !report.localIdentifiers.contains(where: { $0.extension == local.value })
        {
            errors.append(
                HL7Error(
                    .applicationError,
                    path,
                    found: "another local identifier",
                    expected: "that of PID-3 with the type PI",
                    application: .unknownPatient
                )
            )
        }
        if let documentID, !Self.names(documentID, report.identifier) {
            errors.append(
                HL7Error(
                    .applicationError,
                    "TXA-12",
                    found: "another identifier",
                    expected: "that of the document",
                    application: .wrongVersion
                )
            )
        }
        if action == .replace, let parentDocumentID, !report.parents.isEmpty,
            !report.parents.contains(where: { Self.names(parentDocumentID, $0) })
        {
            errors.append(
                HL7Error(
                    .applicationError,
                    "TXA-13",
                    found: "another identifier",
                    expected: "the document's parent",
                    application: .wrongVersion
                )
            )
        }
        return errors
    }

    private static func isMatricule(_ value: String) -> Bool {
        value.utf8.count == 15
            && value.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }

    /// A TXA may write the root alone, or root and extension in one of several ways.
    private static func names(_ text: String, _ identifier: ClinicalDocument.Identifier) -> Bool {
        guard let own = identifier.extension else { return text == identifier.root }
        return text == identifier.text || text == "\(identifier.root).\(own)" || text == own
            || text == "\(own)^\(identifier.root)" || text == identifier.root
    }
}
