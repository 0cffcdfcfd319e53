// SPDX-License-Identifier: Apache-2.0
package import DICOM
import IHE
import Linux
package import Transfer
package import XML

/// The national record (DMP) over SOAP: each structure speaks with its own certificates.
package final class DMPRecord: NationalRecord {
    /// `LPS_*` of the VIHF.
    package struct Software: Sendable {
        package var identifier: String
        package var name: String
        package var version: String
        package var homologation: String

        package init(identifier: String, name: String, version: String, homologation: String) {
            self.identifier = identifier
            self.name = name
            self.version = version
            self.homologation = homologation
        }
    }

    package struct Structure: Sendable {
        package var identifiers: [String]
        package var name: String
        /// Of the legal entity, in the mode EJ/EG.
        package var vihfIdentifier: String?
        package var sector: String?
        package var signature: SigningKey
        /// With the structure's certificate (ORG AUTH_CLI).
        package var client: HTTPSClient

        package init(
            identifiers: [String],
            name: String,
            vihfIdentifier: String?,
            sector: String?,
            signature: SigningKey,
            client: HTTPSClient
        ) {
            self.identifiers = identifiers
            self.name = name
            self.vihfIdentifier = vihfIdentifier
            self.sector = sector
            self.signature = signature
            self.client = client
        }
    }

    private let services: String
    private let software: Software
    private let algorithm: SignatureAlgorithm
    private let sourceID: String
    private let structures: [String: Structure]
    private let makeUUID: @Sendable () -> String
    private let makeUID: @Sendable () -> UID

    /// `services` is what `/repository` and `/registry` come after.
    package init(
        services: String,
        software: Software,
        usesSHA1: Bool,
        sourceID: String,
        structures: [Structure],
        makeUUID: @escaping @Sendable () -> String,
        makeUID: @escaping @Sendable () -> UID
    ) {
        self.services = services
        self.software = software
        algorithm = usesSHA1 ? .sha1 : .sha256
        self.sourceID = sourceID
        var table: [String: Structure] = [:]
        for structure in structures {
            for identifier in structure.identifiers { table[identifier] = structure }
        }
        self.structures = table
        self.makeUUID = makeUUID
        self.makeUID = makeUID
    }

    package func knows(_ structure: String) -> Bool { structures[structure] != nil }

    package func shutdown() async {
        var closed: Set<ObjectIdentifier> = []
        for structure in structures.values where closed.insert(ObjectIdentifier(structure.client)).inserted {
            await structure.client.shutdown()
        }
    }

    private func structure(_ context: ReportContext) throws(RecordError) -> Structure {
        // A manifest that was imported alone: whoever answered for its report is not known, and nobody else may.
        guard !context.legalAuthenticator.identifier.isEmpty else {
            throw RecordError(
                .permanent,
                "legalAuthenticator: found nobody, expected the report's; send the report again, or import its archive"
            )
        }
        guard let structure = structures[context.structure.identifier] else {
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
                signingTime: Self.iso(now),
                algorithm: algorithm
            ).signed(with: structure.signature)
            let request = submission.request(manifest: manifest.document, signature: signature)
            let envelope = try self.envelope(
                "repository",
                ProvideAndRegister.action,
                request.body(manifestPart: "0.2", signaturePart: "0.3"),
                context,
                structure
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
        let body = try await exchange(bytes, type, "repository", context, structure)
        try check(body, context)
    }

    package func entry(uniqueID: String, context: ReportContext) async throws(RecordError) -> RecordEntry? {
        let structure = try structure(context)
        let query = GetDocuments(uniqueID: uniqueID)
        let body = try await ask("registry", GetDocuments.action, query.body, context, structure)
        try check(body, context)
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
        let structure = try structure(context)
        let national = context.patient.nationalIdentifier
        let query = GetDemographics(
            messageID: makeUUID(),
            queryID: makeUUID(),
            creationTime: SiteTime.utc(WallClock.milliseconds()),
            sender: (sourceID, software.name),
            patient: (national.value, national.authority)
        )
        let body = try await ask("patients", GetDemographics.action, query.body, context, structure)
        guard let answer = GetDemographics.Answer(reading: body) else {
            throw RecordError(.temporary, "DMP: found no answer to whether the patient has a record")
        }
        return answer.exists ? answer.isClosed ? .closed : .open : .none
    }

    package func withdraw(_ entryUUID: String, context: ReportContext) async throws(RecordError) {
        let structure = try structure(context)
        let set = submission(context, structure, WallClock.milliseconds()).submissionSet
        let update = AvailabilityUpdate(submissionSet: set, entryUUID: entryUUID)
        let body = try await ask("registry", AvailabilityUpdate.action, update.body, context, structure)
        try check(body, context)
    }

    // MARK: Parts of requests

    private func submission(
        _ context: ReportContext,
        _ structure: Structure,
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

    private func envelope(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        _ context: ReportContext,
        _ structure: Structure
    ) throws(XMLError) -> XMLElement {
        let professional = context.legalAuthenticator
        let vihf = VIHF(
            id: makeUUID(),
            issueInstant: Self.iso(WallClock.milliseconds()),
            authentication: .indirect,
            subjectID: professional.identifier,
            subjectName: "\(professional.givenName) \(professional.familyName)",
            structureID: structure.vihfIdentifier ?? context.structure.identifier,
            sector: structure.sector ?? context.facilityType.value,
            patientID: DataTypes.patientIdentifier(
                context.patient.nationalIdentifier.value,
                authority: context.patient.nationalIdentifier.authority
            ),
            software: (software.identifier, software.name, software.version, software.homologation),
            roles: [professional.role, professional.specialty].compactMap { $0 }.map { Coded($0) },
            isSecret: context.visibility.isSecret
        )
        return Envelope.make(
            action: action,
            to: "\(services)/\(service)",
            messageID: makeUUID(),
            assertion: try vihf.signed(with: structure.signature, algorithm: algorithm),
            body: body
        )
    }

    // MARK: Exchanges

    private func ask(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        _ context: ReportContext,
        _ structure: Structure
    ) async throws(RecordError) -> XMLElement {
        let envelope: XMLElement
        do throws(XMLError) {
            envelope = try self.envelope(service, action, body, context, structure)
        } catch {
            throw RecordError(.permanent, "\(error)")
        }
        let type = "application/soap+xml; charset=UTF-8; action=\"\(action)\""
        return try await exchange(envelope.serialized(), type, service, context, structure)
    }

    private func exchange(
        _ bytes: [UInt8],
        _ contentType: String,
        _ service: String,
        _ context: ReportContext,
        _ structure: Structure
    ) async throws(RecordError) -> XMLElement {
        let answer: HTTPSClient.Answer
        do throws(HTTPSClient.Failure) {
            answer = try await structure.client.post(
                bytes,
                contentType: contentType,
                to: "\(services)/\(service)"
            )
        } catch {
            if case .notConnected = error { throw RecordError(.temporary, "DMP: \(error)") }
            throw RecordError(.unknownOutcome, "DMP: \(error)")
        }
        let envelope: XMLElement
        do {
            let parts = try MTOM.decode(answer.body, contentType: answer.contentType)
            envelope = try XMLElement(parsing: parts.first?.bytes ?? [])
        } catch {
            // Not SOAP: a proxy, or a server that is down. Whether it saw the request, 502 to 504 do not say.
            let kind: RecordError.Kind = (400..<500).contains(answer.status) ? .permanent : .unknownOutcome
            let isPassing = [401, 403, 404, 407, 408, 425, 429].contains(answer.status)
            throw RecordError(
                isPassing ? .temporary : kind,
                "DMP: HTTP \(answer.status) without a SOAP answer"
            )
        }
        do throws(RegistryFailure) {
            return try Envelope.body(of: envelope)
        } catch {
            throw RecordError(error, context.patient)
        }
    }

    private func check(_ body: XMLElement, _ context: ReportContext) throws(RecordError) {
        do throws(RegistryFailure) {
            try Envelope.check(body)
        } catch {
            throw RecordError(error, context.patient)
        }
    }

    /// 2024-01-01T08:00:00Z
    private static func iso(_ milliseconds: Int64) -> String {
        let text = Array(SiteTime.utc(milliseconds))
        func part(_ range: Range<Int>) -> String { String(text[range]) }
        return
            "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(8..<10)):\(part(10..<12)):\(part(12..<14))Z"
    }
}

extension RecordError {
    /// What the record answered, without what it may repeat of the patient.
    fileprivate init(_ failure: RegistryFailure, _ patient: ReportContext.Patient) {
        let known =
            [
                patient.nationalIdentifier.value, patient.localIdentifier?.value, patient.birthFamilyName,
                patient.firstBirthGivenName, patient.usedFamilyName, patient.usedGivenName, patient.birthDate,
            ].compactMap { $0 } + patient.birthGivenNames
        self.init(failure.isRetryable ? .temporary : .permanent, "DMP: \(failure.without(known))")
    }
}

extension Coded {
    fileprivate init(_ code: ReportContext.Code) {
        self.init(code.value, code.scheme, code.meaning)
    }
}
