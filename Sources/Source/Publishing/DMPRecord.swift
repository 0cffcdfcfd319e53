// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import DMP
import IHE
import Linux
import Store
import XML

/// The national record (DMP), in the name of whoever validated a report.
package final class DMPRecord: NationalRecord {
    private let client: DMPClient
    private let sourceID: String
    private let makeUUID: @Sendable () -> String
    private let makeUID: @Sendable () -> UID

    package init(
        client: DMPClient,
        sourceID: String,
        makeUUID: @escaping @Sendable () -> String,
        makeUID: @escaping @Sendable () -> UID
    ) {
        self.client = client
        self.sourceID = sourceID
        self.makeUUID = makeUUID
        self.makeUID = makeUID
    }

    package func knows(_ structure: String) -> Bool { client[structure] != nil }

    private func structure(_ context: ReportContext) throws(RecordError) -> DMPStructure {
        // A manifest that was imported alone: whoever answered for its report is not known, and nobody else may.
        guard !context.legalAuthenticator.identifier.isEmpty else {
            throw RecordError(
                .permanent,
                "legalAuthenticator: found nobody, expected the report's; send the report again, or import its archive"
            )
        }
        guard let structure = client[context.structure.identifier] else {
            throw RecordError(.permanent, "dmp.structures: found no certificate for the report's structure")
        }
        return structure
    }

    // MARK: Submitting

    package func prepare(_ manifest: PreparedManifest, replacing: String?) throws(RecordError) -> Submission {
        let context = manifest.context
        let structure = try structure(context)
        let now = WallClock.milliseconds()
        var submission = submission(context, structure, now)
        submission.form = ManifestSubmission.Form(manifest.form)
        submission.manifestUniqueID = manifest.sopInstanceUID.string
        submission.manifestCreationTime = SiteTime.utc(manifest.created)
        submission.eventCodes += manifest.modalities.map { Coded($0, "1.2.250.1.213.1.1.5.618", $0) }
        submission.replaces = replacing
        do throws(XMLError) {
            let signature = try SubmissionSetSignature(
                uniqueID: submission.signatureUniqueID,
                submissionSetUniqueID: submission.submissionSetUniqueID,
                documentUniqueID: submission.manifestUniqueID,
                document: manifest.document,
                signingTime: DMPClient.time(now),
                algorithm: client.algorithm
            ).signed(with: structure.signature)
            let request = submission.request(manifest: manifest.document, signature: signature)
            let envelope = try client.envelope(
                "repository",
                ProvideAndRegister.action,
                request.body(manifestPart: "0.2", signaturePart: "0.3"),
                by: caller(context),
                of: structure
            )
            return Submission(
                document: manifest.document,
                signature: signature,
                envelope: envelope.serialized()
            )
        } catch {
            throw RecordError(.permanent, "\(error)")
        }
    }

    package func submit(_ submission: Submission, context: ReportContext) async throws(RecordError) {
        let structure = try structure(context)
        let parts = [
            MTOM.Part(id: "0.2", bytes: submission.document), .init(id: "0.3", bytes: submission.signature),
        ]
        let (type, bytes) = MTOM.encode(
            submission.envelope,
            action: ProvideAndRegister.action,
            parts: parts,
            boundary: "uuid:\(makeUUID())"
        )
        let caller = caller(context)
        let body = try await client.exchange(bytes, type, "repository", by: caller, of: structure).body
        try client.check(body, by: caller)
    }

    package func entry(uniqueID: String, context: ReportContext) async throws(RecordError) -> RecordEntry? {
        let query = GetDocuments(uniqueID: uniqueID)
        let body = try await ask("registry", GetDocuments.action, query.body, context)
        guard let found = GetDocuments.entries(body).first(where: { $0.uniqueID ?? uniqueID == uniqueID })
        else {
            return nil
        }
        let status: RecordEntry.Status =
            found.status.hasSuffix(":Approved") || found.status.hasSuffix(":Archived")
            ? .approved : found.status.hasSuffix(":Deprecated") ? .deprecated : .deleted
        return RecordEntry(entryUUID: found.entryUUID, status: status)
    }

    package func patientRecord(_ context: ReportContext) async throws(RecordError) -> PatientRecord {
        let national = context.patient.nationalIdentifier
        let query = GetDemographics(
            messageID: makeUUID(),
            queryID: makeUUID(),
            creationTime: SiteTime.utc(WallClock.milliseconds()),
            sender: (sourceID, client.software.name),
            patient: (national.value, national.authority)
        )
        let body = try await ask("patients", GetDemographics.action, query.body, context, isRegistry: false)
        guard let answer = GetDemographics.Answer(reading: body) else {
            throw RecordError(.temporary, "DMP: found no answer to whether the patient has a record")
        }
        return answer.exists ? answer.isClosed ? .closed : .open : .none
    }

    package func withdraw(_ entryUUID: String, context: ReportContext) async throws(RecordError) {
        let structure = try structure(context)
        let set = submission(context, structure, WallClock.milliseconds()).submissionSet
        let update = AvailabilityUpdate(submissionSet: set, entryUUID: entryUUID)
        _ = try await ask("registry", AvailabilityUpdate.action, update.body, context)
    }

    // MARK: Parts of requests

    private func submission(
        _ context: ReportContext,
        _ structure: DMPStructure,
        _ now: Int64
    ) -> ManifestSubmission {
        let (patient, professional) = (context.patient, context.legalAuthenticator)
        let national = DataTypes.patientIdentifier(
            patient.nationalIdentifier.value,
            authority: patient.nationalIdentifier.authority
        )
        let person = DataTypes.professional(
            professional.identifier,
            family: professional.familyName,
            given: professional.givenName
        )
        var references = [
            DataTypes.reference(
                context.accessionNumber.value,
                authority: context.accessionNumber.authority,
                kind: ManifestSubmission.accession
            ),
            "\(context.studyInstanceUID)^^^^\(ManifestSubmission.studyInstanceUID)",
        ]
        if let order = context.order {
            references.append(
                DataTypes.reference(order.value, authority: order.authority, kind: ManifestSubmission.order)
            )
        }
        return ManifestSubmission(
            submissionSetUniqueID: makeUID().string,
            signatureUniqueID: makeUID().string,
            manifestUniqueID: "",
            sourceID: sourceID,
            submissionTime: SiteTime.utc(now),
            manifestCreationTime: SiteTime.utc(now),
            patientID: national,
            sourcePatientID: patient.localIdentifier.map {
                DataTypes.patientIdentifier($0.value, authority: $0.authority, type: "PI")
            } ?? national,
            patientFamilyName: patient.birthFamilyName,
            patientGivenName: patient.firstBirthGivenName,
            patientBirthDate: patient.birthDate,
            patientSex: patient.sex == "O" ? "U" : patient.sex,
            author: Author(
                person: person,
                institution: DataTypes.institution(context.structure.identifier, name: structure.name)
            ),
            legalAuthenticator: person,
            serviceStartTime: context.serviceStart,
            serviceStopTime: context.serviceStop,
            facilityType: Coded(context.facilityType),
            practiceSetting: Coded(context.practiceSetting),
            eventCodes: context.acts.map { Coded($0) }
                + context.regions.map { Coded($0.value, "1.2.250.1.213.1.1.5.695", $0.meaning) },
            references: references,
            visibility: .init(
                isMaskedFromProfessionals: context.visibility.isMaskedFromProfessionals,
                isInvisibleToPatient: context.visibility.isInvisibleToPatient,
                isInvisibleToLegalRepresentatives: context.visibility.isInvisibleToLegalRepresentatives
            )
        )
    }

    private func caller(_ context: ReportContext) -> DMPClient.Caller {
        let (patient, professional) = (context.patient, context.legalAuthenticator)
        return DMPClient.Caller(
            authentication: .indirect,
            professional: professional.identifier,
            professionalName: "\(professional.givenName) \(professional.familyName)",
            structure: context.structure.identifier,
            sector: context.facilityType.value,
            roles: [professional.role, professional.specialty].compactMap { $0 }.map { Coded($0) },
            patientID: DataTypes.patientIdentifier(
                patient.nationalIdentifier.value,
                authority: patient.nationalIdentifier.authority
            ),
            isSecret: context.visibility.isSecret,
            identity: [
                patient.nationalIdentifier.value, patient.localIdentifier?.value, patient.birthFamilyName,
                patient.firstBirthGivenName, patient.usedFamilyName, patient.usedGivenName, patient.birthDate,
            ].compactMap { $0 } + patient.birthGivenNames
        )
    }

    /// The answer's body; a registry's answer is checked for errors.
    private func ask(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        _ context: ReportContext,
        isRegistry: Bool = true
    ) async throws(RecordError) -> XMLElement {
        let structure = try structure(context)
        let caller = caller(context)
        let answer = try await client.ask(service, action, body, by: caller, of: structure).body
        if isRegistry { try client.check(answer, by: caller) }
        return answer
    }
}

extension Coded {
    fileprivate init(_ code: ReportContext.Code) {
        self.init(code.value, code.scheme, code.meaning)
    }
}

extension ManifestSubmission.Form {
    /// The same, as the record's entry has it.
    init(_ form: PublicationManifest.Form) {
        switch form {
        case .french: self = .french
        case .mado: self = .mado
        }
    }
}
