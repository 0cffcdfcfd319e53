// SPDX-License-Identifier: Apache-2.0
import HL7

extension ReportContext {
    private static let structures = "1.2.250.1.71.4.2.2"

    /// One context for each study that the report is about.
    ///
    /// - Throws: what a manifest needs and the report does not say.
    static func all(_ report: ClinicalDocument, _ message: ReportMessage) throws(HL7Error) -> [ReportContext]
    {
        let studies = report.serviceEvents.filter { $0.studyInstanceUID != nil }
        guard !studies.isEmpty else {
            throw HL7Error(
                .requiredField,
                "ClinicalDocument/documentationOf/serviceEvent/id",
                found: "none",
                expected: "the StudyInstanceUID"
            )
        }
        var contexts: [ReportContext] = []
        var seen: Set<String> = []
        for event in studies {
            let context = try ReportContext(report, event, message)
            if seen.insert(context.studyInstanceUID).inserted { contexts.append(context) }
        }
        return contexts
    }

    private init(
        _ report: ClinicalDocument,
        _ event: ClinicalDocument.ServiceEvent,
        _ message: ReportMessage
    ) throws(HL7Error) {
        func required(_ value: String?, _ path: String) throws(HL7Error) -> String {
            guard let value, !value.isEmpty else {
                throw HL7Error(
                    .requiredField,
                    "ClinicalDocument/\(path)",
                    found: "nothing",
                    expected: "a value"
                )
            }
            return value
        }
        let study = try required(event.studyInstanceUID, "documentationOf/serviceEvent/id")
        let accession = report.orders.flatMap(\.accessionNumbers).first { $0.extension != nil }
        let order = report.orders.compactMap(\.identifier).first { $0.extension != nil }
        let authenticator = report.legalAuthenticator
        let organization = authenticator.organization
        let low = try required(event.low, "documentationOf/serviceEvent/effectiveTime/low")
        guard let start = DTM.utc(low), let stop = DTM.utc(event.high ?? low) else {
            throw HL7Error(
                .dataType,
                "ClinicalDocument/documentationOf/serviceEvent/effectiveTime",
                found: "no time",
                expected: "YYYYMMDDhhmmss with an offset"
            )
        }
        let translations = event.translations
        func codes(_ scheme: String) -> [Code] {
            translations.filter { $0.code.scheme == scheme }.map { Code($0.code) }
        }
        var visibility = Visibility()
        visibility.isMaskedFromProfessionals = message.isSet("MASQUE_PS")
        visibility.isInvisibleToPatient = message.isSet("INVISIBLE_PATIENT")
        visibility.isInvisibleToLegalRepresentatives = message.isSet("INVISIBLE_REP_LEGAUX")
        visibility.isSecret = message.isSet("CONNEXION_SECRETE")
        self.init(
            reportID: report.identifier.text,
            parentID: report.parents.first?.text ?? message.parentDocumentID,
            title: Code(report.code),
            patient: try Patient(report, message),
            accessionNumber: Identifier(
                value: try required(accession?.extension, "inFulfillmentOf/order/accessionNumber"),
                authority: accession?.root ?? ""
            ),
            order: order.map { Identifier(value: $0.extension ?? "", authority: $0.root) },
            studyInstanceUID: study,
            acts: codes("1.2.250.1.213.2.5"),
            regions: codes("2.16.840.1.113883.6.96"),
            serviceStart: start,
            serviceStop: stop,
            legalAuthenticator: Professional(authenticator),
            structure: Structure(
                identifier: try required(
                    organization?.identifier?.extension ?? message.senderStructure?.value,
                    "legalAuthenticator/assignedEntity/representedOrganization/id"
                ),
                name: organization?.name ?? ""
            ),
            institution: event.performer.flatMap { performer in
                performer.identifier?.extension.map { Structure(identifier: $0, name: performer.name) }
            },
            practiceSetting: (event.performer?.industryClass ?? organization?.industryClass).map { Code($0) }
                ?? Code(value: "AMBULATOIRE", scheme: "1.2.250.1.213.1.1.4.9", meaning: "Ambulatoire"),
            facilityType: report.facility.map { Code($0) }
                ?? Code(value: "SA08", scheme: "1.2.250.1.71.4.2.4", meaning: "Cabinet de groupe"),
            visibility: visibility
        )
    }
}

extension ReportContext.Code {
    init(_ code: ClinicalDocument.Code) {
        self.init(value: code.value, scheme: code.scheme, meaning: code.displayName)
    }
}

extension ReportContext.Patient {
    fileprivate init(_ report: ClinicalDocument, _ message: ReportMessage) throws(HL7Error) {
        let path = "ClinicalDocument/recordTarget/patientRole"
        let patient = report.patient
        guard let national = report.nationalIdentifier, let value = national.extension else {
            throw HL7Error(
                .applicationError,
                "\(path)/id",
                found: "none under an OID of the INS",
                expected: "one",
                application: .noNationalIdentifier
            )
        }
        guard let family = patient.birthFamilyName, !family.isEmpty else {
            throw HL7Error(
                .requiredField,
                "\(path)/patient/name/family",
                found: "nothing",
                expected: "the birth name"
            )
        }
        // The message's own comes first: it is what the RIS calls the patient in the archive.
        let local =
            message.localIdentifier.map { ReportContext.Identifier(value: $0.value, authority: $0.authority) }
            ?? report.localIdentifiers.first.map { .init(value: $0.extension ?? "", authority: $0.root) }
        self.init(
            nationalIdentifier: .init(value: value, authority: national.root),
            localIdentifier: local,
            birthFamilyName: family,
            firstBirthGivenName: patient.firstBirthGivenName ?? patient.givenNames.first ?? "",
            birthGivenNames: patient.givenNames,
            usedFamilyName: patient.usedFamilyName,
            usedGivenName: patient.usedGivenName,
            birthDate: patient.birthDate ?? "",
            sex: patient.gender == "M" || patient.gender == "F" ? patient.gender ?? "O" : "O",
            birthplace: patient.birthplace
        )
    }
}

extension ReportContext.Professional {
    /// The code of a professional is "G15_10/SM44": group and profession, then specialty.
    fileprivate init(_ person: ClinicalDocument.Person) {
        let parts = person.code?.value.split(separator: "/") ?? []
        let profession = parts.first?.split(separator: "_").last.map(String.init)
        let specialty = parts.count > 1 ? String(parts[1]) : nil
        let meaning = person.code?.displayName ?? ""
        self.init(
            identifier: person.identifier.extension ?? person.identifier.root,
            familyName: person.familyName,
            givenName: person.givenName,
            role: profession.map {
                ReportContext.Code(value: $0, scheme: "1.2.250.1.71.1.2.7", meaning: "Médecin")
            },
            specialty: specialty.map {
                ReportContext.Code(value: $0, scheme: "1.2.250.1.71.4.2.5", meaning: meaning)
            }
        )
    }
}
