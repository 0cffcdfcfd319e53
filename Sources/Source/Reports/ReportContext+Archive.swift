// SPDX-License-Identifier: Apache-2.0
import DICOM
import IHE

extension ReportContext {
    /// The scheme of modalities in XDS metadata.
    static let modalities = "1.2.250.1.213.1.1.5.618"
    /// The scheme of regions there, and the one that reports have them in.
    private static let recordRegions = "1.2.250.1.213.1.1.5.695"
    private static let reportRegions = "2.16.840.1.113883.6.96"

    /// What a report must have said, by what was published of it. Where the manifest came alone nobody knows who
    /// answered for the report: such an exam can be served, and not be published again.
    init(
        _ manifest: ManifestContext,
        study: UID,
        sopInstanceUID: UID,
        _ metadata: XDMMetadata?,
        _ report: XDMReport?
    ) {
        let entry = metadata?.manifest
        let assertion = metadata?.assertion
        let codes = entry?.eventCodes ?? []
        let regions = codes.filter { $0.scheme == Self.recordRegions }
        let institution = Structure(
            identifier: manifest.institutionIdentifier,
            name: manifest.institutionName
        )
        self.init(
            reportID: report.map { $0.root + ($0.extension.isEmpty ? "" : "^\($0.extension)") }
                ?? sopInstanceUID.string,
            title: Code(value: "", scheme: "", meaning: manifest.procedure),
            patient: Patient(manifest, entry, report),
            accessionNumber: Identifier(manifest.accessionNumber),
            order: manifest.order.map { Identifier($0) },
            studyInstanceUID: study.string,
            acts: codes.filter { $0.scheme != Self.modalities && $0.scheme != Self.recordRegions }
                .map { Code($0) },
            regions: regions.map {
                Code(value: $0.value, scheme: Self.reportRegions, meaning: $0.meaning)
            },
            serviceStart: entry?.serviceStartTime ?? "",
            serviceStop: entry?.serviceStopTime ?? "",
            legalAuthenticator: Professional(entry?.legalAuthenticator ?? "", assertion?.roles ?? []),
            structure: Structure(author: entry?.authors.first) ?? institution,
            institution: institution.identifier.isEmpty ? nil : institution,
            practiceSetting: Code(entry?.practiceSetting ?? Coded("", "", "")),
            facilityType: Code(entry?.facilityType ?? Coded("", "", "")),
            visibility: Visibility(entry?.confidentialityCodes ?? [], assertion)
        )
    }
}

extension ReportContext.Code {
    fileprivate init(_ code: Coded) {
        self.init(value: code.value, scheme: code.scheme, meaning: code.meaning)
    }
}

extension ReportContext.Identifier {
    fileprivate init(_ identifier: ManifestContext.Identifier) {
        self.init(value: identifier.value, authority: identifier.authority)
    }
}

extension ReportContext.Patient {
    fileprivate init(_ manifest: ManifestContext, _ entry: DocumentEntry?, _ report: XDMReport?) {
        func names(_ text: String?) -> (family: String, given: String) {
            let parts = (text ?? "").split(separator: "^", omittingEmptySubsequences: false).map(String.init)
            return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
        }
        let birth = names(manifest.patientName)
        // Several names may be there: the first.
        let used = names(manifest.otherPatientName?.split(separator: "\\").first.map(String.init))
        var local: ReportContext.Identifier?
        if let report, !report.localIdentifier.isEmpty {
            local = .init(value: report.localIdentifier, authority: report.localAuthority)
        } else if let source = entry?.sourcePatientID.split(separator: "^", omittingEmptySubsequences: false),
            source.last == "PI", source.count > 3
        {
            let authority = source[3].split(separator: "&", omittingEmptySubsequences: false)
            local = .init(
                value: String(source[0]),
                authority: authority.count > 1 ? String(authority[1]) : ""
            )
        }
        self.init(
            nationalIdentifier: .init(manifest.patientID),
            localIdentifier: local,
            birthFamilyName: birth.family,
            firstBirthGivenName: birth.given,
            usedFamilyName: used.family.isEmpty ? nil : used.family,
            usedGivenName: used.given.isEmpty ? nil : used.given,
            birthDate: manifest.patientBirthDate,
            sex: manifest.patientSex,
            birthplace: manifest.birthplace
        )
    }
}

extension ReportContext.Professional {
    /// Of an XCN and the roles of an assertion.
    fileprivate init(_ person: String, _ roles: [Coded]) {
        let parts = person.split(separator: "^", omittingEmptySubsequences: false).map(String.init)
        func part(_ index: Int) -> String { index < parts.count ? parts[index] : "" }
        self.init(
            identifier: part(0),
            familyName: part(1),
            givenName: part(2),
            role: roles.first.map { ReportContext.Code($0) },
            specialty: roles.dropFirst().first.map { ReportContext.Code($0) }
        )
    }
}

extension ReportContext.Structure {
    /// Of an XON.
    fileprivate init?(author: Author?) {
        let parts = (author?.institution ?? "").split(separator: "^", omittingEmptySubsequences: false)
        guard parts.count > 9, !parts[9].isEmpty else { return nil }
        self.init(identifier: String(parts[9]), name: String(parts[0]))
    }
}

extension ReportContext.Visibility {
    fileprivate init(_ codes: [Coded], _ assertion: AssertionContent?) {
        self.init()
        let values = Set(codes.map(\.value))
        isMaskedFromProfessionals = values.contains("MASQUE_PS")
        isInvisibleToPatient = values.contains("INVISIBLE_PATIENT")
        isInvisibleToLegalRepresentatives = values.contains("INVISIBLE_REPRESENTANTS_LEGAUX")
        isSecret = assertion?.isSecret ?? false
    }
}
