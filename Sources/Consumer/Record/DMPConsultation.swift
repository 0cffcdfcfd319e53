// SPDX-License-Identifier: Apache-2.0
import DICOM
package import DMP
package import IHE
import Identity
import Linux
import XML

/// The national record, in the name of a professional whom Pro Santé Connect has signed in (AIR).
package struct DMPConsultation: HealthRecord {
    /// Accessions that reports are looked for by, in one query.
    private static let mostReferences = 50

    private let client: DMPClient
    /// OID of this box in messages of HL7 v3.
    private let sender: String
    private let makeUUID: @Sendable () -> String

    package init(client: DMPClient, sender: String, makeUUID: @escaping @Sendable () -> String) {
        self.client = client
        self.sender = sender
        self.makeUUID = makeUUID
    }

    package func access(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError)
        -> RecordAccess
    {
        let time = DMPClient.time(WallClock.milliseconds()).filter(\.isNumber)
        let query = GetDemographics(
            messageID: makeUUID(),
            queryID: makeUUID(),
            creationTime: time,
            sender: (sender, client.software.name),
            patient: (patient.nationalIdentifier.value, patient.nationalIdentifier.authority)
        )
        let body = try await ask("patients", GetDemographics.action, query.body, patient, consultant).body
        guard let answer = GetDemographics.Answer(reading: body) else {
            throw RecordError(.temporary, "DMP: found no answer to whether the patient has a record")
        }
        guard answer.exists else { return .none }
        guard !answer.isClosed else { return .closed }
        switch answer.authorization {
        case "VALIDE": return .granted(isTreatingPhysician: answer.isTreatingPhysician ?? false)
        case "INTERDIT": return .forbidden
        case let other: return .unauthorised(other ?? "INEXISTANTE")
        }
    }

    package func authorise(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError) {
        let body = try await ask(
            "habilitations",
            SetAuthorization.action,
            SetAuthorization().body,
            patient,
            consultant
        ).body
        do throws(RegistryFailure) {
            try SetAuthorization.check(body)
        } catch {
            throw RecordError(error, hiding: caller(patient, consultant).identity)
        }
    }

    package func search(_ filter: ExamFilter, _ patient: PatientContext, by consultant: Consultant)
        async throws(RecordError) -> RecordSearch
    {
        var query = FindDocuments(patientID: Self.identifier(patient))
        query.statuses = filter.statuses
        query.serviceStartFrom = filter.from
        query.serviceStartTo = filter.end
        var images = query
        images.formatCodes = [
            Coded("1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.2.6.1", ""),
            Coded(MADOBundle.formatCode, "1.3.6.1.4.1.19376.1.2.7.1", ""),
        ]
        images.eventCodes = filter.eventCodes
        var reports = query
        reports.typeCodes = [Coded(ReportType.code, ReportType.scheme, "")]
        let foundImages = try await find(images, patient, consultant)
        let foundReports = try await find(reports, patient, consultant)
        var documents = foundImages.documents + foundReports.documents
        var exams = Exam.pair(documents)
        // A report can be of another day than its images: it is looked for by the accession that both name.
        let alone = exams.filter(\.reports.isEmpty).flatMap(\.manifests).flatMap(\.accessionReferences)
        if filter.from != nil || filter.to != nil, !alone.isEmpty {
            reports.serviceStartFrom = nil
            reports.serviceStartTo = nil
            reports.references = Array(Set(alone).sorted().prefix(Self.mostReferences))
            let known = Set(documents.map(\.entryUUID))
            let more = try await find(reports, patient, consultant).documents
            documents += more.filter { !known.contains($0.entryUUID) }
            exams = Exam.pair(documents)
        }
        if filter.narrowsImages { exams.removeAll { $0.manifests.isEmpty } }
        return RecordSearch(exams: exams, unreadable: foundImages.unreadable + foundReports.unreadable)
    }

    package func document(
        _ document: RegisteredDocument,
        _ patient: PatientContext,
        by consultant: Consultant
    ) async throws(RecordError) -> [UInt8] {
        // The record's answer, not the caller's wish: an entry of somebody else is not asked for.
        guard document.entry.patientID == Self.identifier(patient) else {
            throw RecordError(.permanent, "document: found an entry of another patient")
        }
        let request = RetrieveDocumentSet(
            repositoryUniqueID: document.repositoryUniqueID,
            documentUniqueID: document.entry.uniqueID,
            homeCommunityID: document.homeCommunityID
        )
        let (body, parts) = try await ask(
            "repository",
            RetrieveDocumentSet.action,
            request.body,
            patient,
            consultant
        )
        let bytes: [UInt8]
        do throws(RetrieveError) {
            bytes = try request.document(in: body, parts: parts).bytes
        } catch {
            if case .refused(let failure) = error {
                throw RecordError(failure, hiding: caller(patient, consultant).identity)
            }
            throw RecordError(.permanent, "document: \(error)")
        }
        do throws(DocumentMismatch) {
            try document.check(bytes)
        } catch {
            throw RecordError(.permanent, "document: \(error)")
        }
        return bytes
    }

    // MARK: Requests

    private func find(
        _ query: FindDocuments,
        _ patient: PatientContext,
        _ consultant: Consultant
    ) async throws(RecordError) -> (documents: [RegisteredDocument], unreadable: Int) {
        let body = try await ask("registry", FindDocuments.action, query.body, patient, consultant).body
        try client.check(body, by: caller(patient, consultant))
        var (documents, unreadable) = FindDocuments.documents(body)
        // What a registry says of somebody else is not this patient's; what names no repository cannot be had.
        let found = documents.count
        documents.removeAll { $0.entry.patientID != query.patientID || $0.repositoryUniqueID.isEmpty }
        unreadable += found - documents.count
        return (documents, unreadable)
    }

    private func ask(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        _ patient: PatientContext,
        _ consultant: Consultant
    ) async throws(RecordError) -> (body: XMLElement, parts: [MTOM.Part]) {
        guard let name = consultant.activity.structureIdentifier, let structure = client[name] else {
            throw RecordError(
                .permanent,
                "dmp.structures: found no certificate for the professional's structure",
                code: "structure"
            )
        }
        guard structure.sector != nil || consultant.activity.sector?.code.isEmpty == false else {
            throw RecordError(
                .permanent,
                "dmp.structures: found no sector, in the configuration or from the provider, expected one such as SA08",
                code: "sector"
            )
        }
        return try await client.ask(
            service,
            action,
            body,
            by: caller(patient, consultant),
            of: structure
        )
    }

    private func caller(_ patient: PatientContext, _ consultant: Consultant) -> DMPClient.Caller {
        let (professional, activity) = (consultant.professional, consultant.activity)
        return DMPClient.Caller(
            authentication: .strengthened,
            professional: professional.identifier,
            professionalName: "\(professional.givenName) \(professional.familyName)",
            structure: activity.structureIdentifier ?? "",
            sector: activity.sector?.code ?? "",
            roles: Self.roles(activity),
            patientID: Self.identifier(patient),
            purpose: consultant.emergency.map { .breakGlass(reason: $0.reason) } ?? .normal,
            identity: [
                patient.nationalIdentifier.value, patient.localIdentifier, patient.birthFamilyName,
                patient.usedFamilyName, patient.usedGivenName, patient.birthDate,
            ].compactMap { $0 } + patient.birthGivenNames
        )
    }

    /// Profession and specialty; the lists are those of the directory of health where the provider names none.
    private static func roles(_ activity: Professional.Activity) -> [Coded] {
        let profession = activity.profession.map {
            Coded($0.code, $0.scheme ?? "1.2.250.1.71.1.2.7", "")
        }
        let specialty = activity.specialty.map {
            Coded($0.code, $0.scheme ?? "1.2.250.1.71.4.2.5", "")
        }
        return [profession, specialty].compactMap { $0 }
    }

    private static func identifier(_ patient: PatientContext) -> String {
        DataTypes.patientIdentifier(
            patient.nationalIdentifier.value,
            authority: patient.nationalIdentifier.authority
        )
    }
}
