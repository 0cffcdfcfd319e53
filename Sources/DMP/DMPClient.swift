// SPDX-License-Identifier: Apache-2.0
import Admin
package import IHE
import Linux
package import XML

/// The national record (DMP) over SOAP: each structure speaks with its own certificates, and in each request the VIHF
/// says which professional asks, for which patient.
package final class DMPClient: Sendable {
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

    /// What a VIHF says of a request.
    package struct Caller: Sendable {
        package var authentication: VIHF.Authentication
        /// RPPS
        package var professional: String
        package var professionalName: String
        /// As the caller names it; one of a structure's identifiers.
        package var structure: String
        package var sector: String
        /// Profession, then specialty where there is one.
        package var roles: [Coded]
        /// CX
        package var patientID: String
        /// Connexion secrète.
        package var isSecret: Bool
        package var purpose: VIHF.Purpose
        /// What an answer of the record may repeat of the patient and must not leave it.
        package var identity: [String]

        package init(
            authentication: VIHF.Authentication,
            professional: String,
            professionalName: String,
            structure: String,
            sector: String,
            roles: [Coded],
            patientID: String,
            isSecret: Bool = false,
            purpose: VIHF.Purpose = .normal,
            identity: [String]
        ) {
            self.authentication = authentication
            self.professional = professional
            self.professionalName = professionalName
            self.structure = structure
            self.sector = sector
            self.roles = roles
            self.patientID = patientID
            self.isSecret = isSecret
            self.purpose = purpose
            self.identity = identity
        }
    }

    /// What `/repository`, `/registry`, `/patients` come after.
    private let services: String
    package let software: Software
    package let algorithm: SignatureAlgorithm
    private let structures: [String: DMPStructure]
    private let makeUUID: @Sendable () -> String

    package init(
        services: String,
        software: Software,
        algorithm: SignatureAlgorithm,
        structures: [DMPStructure],
        makeUUID: @escaping @Sendable () -> String
    ) {
        self.services = services
        self.software = software
        self.algorithm = algorithm
        var table: [String: DMPStructure] = [:]
        for structure in structures {
            for identifier in structure.identifiers { table[identifier] = structure }
        }
        self.structures = table
        self.makeUUID = makeUUID
    }

    /// Nil where no certificate is configured for it.
    package subscript(structure: String) -> DMPStructure? { structures[structure] }

    /// A request without attachments; the answer's body and the parts that came with it.
    package func ask(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        by caller: Caller,
        of structure: DMPStructure
    ) async throws(RecordError) -> (body: XMLElement, parts: [MTOM.Part]) {
        let envelope: XMLElement
        do throws(XMLError) {
            envelope = try self.envelope(service, action, body, by: caller, of: structure)
        } catch {
            throw RecordError(.permanent, "\(error)")
        }
        let type = "application/soap+xml; charset=UTF-8; action=\"\(action)\""
        return try await exchange(envelope.serialized(), type, service, by: caller, of: structure)
    }

    package func envelope(
        _ service: String,
        _ action: String,
        _ body: XMLElement,
        by caller: Caller,
        of structure: DMPStructure
    ) throws(XMLError) -> XMLElement {
        let vihf = VIHF(
            id: makeUUID(),
            issueInstant: Self.time(WallClock.milliseconds()),
            authentication: caller.authentication,
            subjectID: caller.professional,
            subjectName: caller.professionalName,
            structureID: structure.vihfIdentifier ?? caller.structure,
            sector: structure.sector ?? caller.sector,
            patientID: caller.patientID,
            software: (software.identifier, software.name, software.version, software.homologation),
            roles: caller.roles,
            isSecret: caller.isSecret,
            purpose: caller.purpose
        )
        return Envelope.make(
            action: action,
            to: "\(services)/\(service)",
            messageID: makeUUID(),
            assertion: try vihf.signed(with: structure.signature, algorithm: algorithm),
            body: body
        )
    }

    /// Sends an envelope, alone or as the first part of a body; the answer's body and the parts that came with it.
    package func exchange(
        _ bytes: [UInt8],
        _ contentType: String,
        _ service: String,
        by caller: Caller,
        of structure: DMPStructure
    ) async throws(RecordError) -> (body: XMLElement, parts: [MTOM.Part]) {
        let answer: DMPStructure.Answer
        do throws(DMPStructure.Failure) {
            answer = try await structure.post(bytes, contentType, "\(services)/\(service)")
        } catch {
            switch error {
            case .notSent(let reason): throw RecordError(.temporary, "DMP: \(reason)")
            case .noAnswer(let reason): throw RecordError(.unknownOutcome, "DMP: \(reason)")
            }
        }
        let (envelope, parts): (XMLElement, [MTOM.Part])
        do {
            parts = try MTOM.decode(answer.body, contentType: answer.contentType)
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
            return (try Envelope.body(of: envelope), Array(parts.dropFirst()))
        } catch {
            throw RecordError(error, hiding: caller.identity)
        }
    }

    /// Such as 2024-01-01T08:00:00Z.
    package static func time(_ milliseconds: Int64) -> String {
        "\(Timestamp(milliseconds: milliseconds))".prefix(19) + "Z"
    }

    /// - Throws: what a RegistryResponse says that is no success.
    package func check(_ body: XMLElement, by caller: Caller) throws(RecordError) {
        do throws(RegistryFailure) {
            try Envelope.check(body)
        } catch {
            throw RecordError(error, hiding: caller.identity)
        }
    }
}

extension RecordError {
    /// What the record answered, without what it may repeat of the patient.
    package init(_ failure: RegistryFailure, hiding identity: [String]) {
        self.init(
            failure.isRetryable ? .temporary : .permanent,
            "DMP: \(failure.without(identity))",
            code: failure.code
        )
    }
}
