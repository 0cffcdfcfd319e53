// SPDX-License-Identifier: Apache-2.0
package import XML

/// An exam that somebody asks for: an order (OMI^O23, ORM^O01) or the CDA request of the CI-SIS (IMG-DA-IMG). Only what a
/// search for former exams needs: of whom, with which modalities, of which parts of the body.
package struct ExamRequest: Equatable, Sendable {
    package struct Identifier: Equatable, Sendable {
        package let value: String
        /// OID
        package let authority: String
        /// CX-4.1
        package let namespace: String
    }

    package struct Code: Hashable, Sendable {
        package let value: String
        package let scheme: String
    }

    package let nationalIdentifier: Identifier
    /// The site's own (PI), where the request has one.
    package let localIdentifier: Identifier?
    /// At birth; nil where the request does not say it.
    package let familyName: String?
    package let givenNames: [String]
    /// YYYYMMDD
    package let birthDate: String?
    package let sex: String?
    /// INSEE code
    package let birthPlace: String?
    /// As they are written; DICOM's own (1.2.840.10008.2.16.4) without a scheme.
    package let modalities: [Code]
    package let sites: [Code]

    static let modalityScheme = "1.2.840.10008.2.16.4"
    static let snomed = "2.16.840.1.113883.6.96"
    /// Demande d'acte d'imagerie (LOINC).
    private static let requestType = "55115-0"
    /// FR-Demande-d-examen-ou-de-suivi-IMG-DA
    private static let requestedExam = "1.2.250.1.213.1.1.3.27.3"
}

// MARK: - HL7 v2

extension ExamRequest {
    package init(_ message: HL7Message) throws(HL7Error) {
        let header = try message.required("MSH")
        switch (try header.required(9), try header.text(9, component: 2)) {
        case ("OMI", "O23"), ("ORM", "O01"): break
        default:
            throw HL7Error(.messageType, "MSH-9", found: "another message", expected: "OMI^O23 or ORM^O01")
        }
        let patient = try message.required("PID")
        var (national, local): (Identifier?, Identifier?)
        for repetition in 1...max(1, patient.repetitions(3)) {
            guard let identifier = try Self.identifier(patient, repetition) else { continue }
            if ClinicalDocument.nationalAuthorities.contains(identifier.authority) {
                national = national ?? identifier
            } else if try patient.text(3, repetition: repetition, component: 5) == "PI" {
                local = local ?? identifier
            }
        }
        guard let national else {
            throw HL7Error(
                .requiredField,
                "PID-3",
                found: "none under an OID of the INS",
                expected: "one",
                application: .noNationalIdentifier
            )
        }
        // The name at birth (L) among those that are used.
        var name = 1
        for repetition in 1...max(1, patient.repetitions(5))
        where try patient.text(5, repetition: repetition, component: 7) == "L" {
            name = repetition
        }
        let first = try patient.text(5, repetition: name, component: 2)
        let others = try patient.text(5, repetition: name, component: 3) ?? ""
        let all = others.split { $0 == " " || $0 == "," }.map(String.init)
        var birthPlace: String?
        for repetition in 1...max(1, patient.repetitions(11))
        where try patient.text(11, repetition: repetition, component: 7) == "BDL" {
            birthPlace = try patient.text(11, repetition: repetition, component: 9)
        }
        self.init(
            nationalIdentifier: national,
            localIdentifier: local,
            familyName: try patient.text(5, repetition: name),
            // Given names repeat the first one, or follow it.
            givenNames: first.map { all.first == $0 ? all : [$0] + all } ?? all,
            birthDate: try patient.text(7).map { String($0.prefix(8)) },
            sex: try patient.text(8),
            birthPlace: birthPlace,
            modalities: try Self.modalities(message),
            sites: try Self.sites(message)
        )
    }

    private static func identifier(
        _ patient: HL7Message.Segment,
        _ repetition: Int
    ) throws(HL7Error) -> Identifier? {
        guard let value = try patient.text(3, repetition: repetition) else { return nil }
        func authority(_ part: Int) throws(HL7Error) -> String {
            try patient.text(3, repetition: repetition, component: 4, subcomponent: part) ?? ""
        }
        return Identifier(value: value, authority: try authority(2), namespace: try authority(1))
    }

    /// Of each procedure (IPC-5); where there is none, the diagnostic section of the order (OBR-24), whose table 0074
    /// shares codes with DICOM.
    private static func modalities(_ message: HL7Message) throws(HL7Error) -> [Code] {
        var found: [Code] = []
        for procedure in message.all("IPC") {
            if let code = try procedure.text(5) { found.append(Code(value: code, scheme: "")) }
        }
        if found.isEmpty {
            for request in message.all("OBR") {
                if let code = try request.text(24) { found.append(Code(value: code, scheme: "")) }
            }
        }
        return unique(found)
    }

    /// The body site of each order (OBR-15.4), where it is a code of SNOMED CT.
    private static func sites(_ message: HL7Message) throws(HL7Error) -> [Code] {
        var found: [Code] = []
        for request in message.all("OBR") {
            guard let code = try request.text(15, component: 4) else { continue }
            let scheme = try request.text(15, component: 4, subcomponent: 3) ?? ""
            let isSnomed = ["SCT", "SNM", "SNOMED-CT", snomed].contains(scheme)
            found.append(Code(value: code, scheme: isSnomed ? snomed : scheme))
        }
        return unique(found)
    }

    private static func unique(_ codes: [Code]) -> [Code] {
        var seen: Set<Code> = []
        return codes.filter { seen.insert($0).inserted }
    }
}

// MARK: - CDA

extension ExamRequest {
    /// Reads a request in CDA R2.
    package init(document bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(HL7Error) {
        let root: XMLElement
        do throws(XMLError) {
            root = try XMLElement(parsing: bytes, limits: limits)
        } catch {
            throw HL7Error(.dataType, "ClinicalDocument", found: "\(error)", expected: "a CDA document")
        }
        guard root.name == XMLName("ClinicalDocument", in: ClinicalDocument.namespace),
            root.first("code")?["code"] == Self.requestType
        else {
            throw HL7Error(
                .dataType,
                "ClinicalDocument/code",
                found: "another document",
                expected: "\(Self.requestType), a request for an imaging exam"
            )
        }
        let path = "ClinicalDocument/recordTarget/patientRole"
        guard let role = root.first(at: ["recordTarget", "patientRole"]) else {
            throw HL7Error(.requiredField, path, found: "nothing", expected: "the patient")
        }
        let patient = ClinicalDocument.Patient(role)
        guard let national = patient.nationalIdentifier else {
            throw HL7Error(
                .requiredField,
                path + "/id",
                found: "none under an OID of the INS",
                expected: "one",
                application: .noNationalIdentifier
            )
        }
        let local = patient.localIdentifiers.first
        let exams = root.descendants(XMLName("observation", in: ClinicalDocument.namespace)).filter { entry in
            entry.elements("templateId").contains { $0["root"] == Self.requestedExam }
        }
        guard !exams.isEmpty else {
            throw HL7Error(
                .requiredField,
                "ClinicalDocument/component",
                found: "no exam that is asked for",
                expected: "an entry of template \(Self.requestedExam)"
            )
        }
        func codes(_ name: String) -> [Code] {
            exams.flatMap { $0.elements(name) }.compactMap { element in
                element["code"].map { value in
                    let scheme = element["codeSystem"] ?? ""
                    return Code(value: value, scheme: scheme == Self.modalityScheme ? "" : scheme)
                }
            }
        }
        let given = patient.givenNames.flatMap { $0.split { $0 == " " || $0 == "," } }.map(String.init)
        self.init(
            nationalIdentifier: .init(
                value: national.extension ?? "",
                authority: national.root,
                namespace: ""
            ),
            localIdentifier: local.map {
                .init(value: $0.extension ?? "", authority: $0.root, namespace: "")
            },
            familyName: patient.birthFamilyName,
            givenNames: given.isEmpty ? [patient.firstBirthGivenName].compactMap { $0 } : given,
            birthDate: patient.birthDate,
            sex: patient.gender == "UN" ? "U" : patient.gender,
            birthPlace: patient.birthplace,
            modalities: Self.unique(codes("code")),
            sites: Self.unique(codes("targetSiteCode"))
        )
    }
}
