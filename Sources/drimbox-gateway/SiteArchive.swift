// SPDX-License-Identifier: Apache-2.0
import Admin
import Consumer
import DICOM
import Linux
import Store
import Transfer

/// The site's own archive, to which images of other sites go under the patient's local identity.
struct SiteArchive: ImportArchive {
    private static let manufacturer = "DRIMbox"

    let client: DIMSEClient
    let peer: DICOMPeer
    let spool: Spool
    let codec: any PixelCodec
    let site: String
    let station: String
    let rules: [String: Coercion.Action]
    /// Attributes that are as the contextual call says them.
    let local: Set<String>

    /// - Throws: where a rule of the configuration cannot be followed.
    init(
        client: DIMSEClient,
        peer: DICOMPeer,
        spool: Spool,
        codec: any PixelCodec,
        site: String,
        consumer: GatewayConfiguration.Consumer
    ) throws {
        self.client = client
        self.peer = peer
        self.spool = spool
        self.codec = codec
        self.site = site
        station = consumer.station ?? ""
        var rules: [String: Coercion.Action] = [:]
        var local: Set<String> = []
        for rule in consumer.coercion {
            switch rule.action {
            case .keep: rules[rule.attribute] = .keep
            case .empty: rules[rule.attribute] = .empty
            case .remove: rules[rule.attribute] = .remove
            case .replace: rules[rule.attribute] = .replace([rule.value ?? ""])
            case .local: local.insert(rule.attribute)
            }
        }
        self.rules = rules
        self.local = local
        let nobody = Coercion.LocalIdentity(patientID: "0")
        do {
            _ = try coercion(nobody, national: nil)
        } catch {
            throw ConfigurationError(
                path: "consumer.coercion",
                found: "\(error)",
                expected: "attributes that may be changed, and values that they take"
            )
        }
    }

    func store(
        _ instances: [UID],
        patient: PatientContext,
        onResult: @escaping @Sendable (UID, StoreOutcome) -> Void
    ) async throws {
        let coercion = try coercion(
            identity(patient),
            national: .init(
                value: patient.nationalIdentifier.value,
                authority: patient.nationalIdentifier.authority
            )
        )
        var storable: [StorableInstance] = []
        for uid in instances {
            guard let stored = try spool.instance(uid) else {
                onResult(uid, .failed(.evicted))
                continue
            }
            storable.append(
                StorableInstance(
                    sopClassUID: stored.sopClassUID,
                    sopInstanceUID: stored.sopInstanceUID,
                    transferSyntax: stored.transferSyntax,
                    file: stored.extent,
                    dataSetOffset: stored.dataSetOffset,
                    coercion: coercion
                )
            )
        }
        try await client.store(peer, storable, priority: .export, codec: codec) { result in
            switch result.outcome {
            case .stored: onResult(result.sopInstanceUID, .stored)
            case .refused(let status, let comment):
                onResult(
                    result.sopInstanceUID,
                    .failed(.archiveRefused(status: "\(status)", comment: comment))
                )
            case .failed(let error):
                onResult(result.sopInstanceUID, .failed(.archiveFailed("\(error)")))
            }
        }
    }

    private func identity(_ patient: PatientContext) -> Coercion.LocalIdentity {
        let issuer = patient.localIssuer
        return Coercion.LocalIdentity(
            patientID: patient.localIdentifier,
            namespace: issuer.namespace.isEmpty ? nil : issuer.namespace,
            universalEntityID: issuer.universalID,
            universalEntityIDType: issuer.universalIDType,
            patientName: local.contains("PatientName") ? patient.dicomName : nil,
            birthDate: local.contains("PatientBirthDate") ? patient.dicomBirthDate : nil,
            sex: local.contains("PatientSex") ? patient.dicomSex : nil
        )
    }

    private func coercion(
        _ identity: Coercion.LocalIdentity,
        national: ManifestContext.Identifier?
    ) throws -> Coercion {
        let time =
            "\(Timestamp(milliseconds: WallClock.milliseconds()))".prefix(19).filter(\.isNumber) + "+0000"
        return try Coercion.importing(
            identity,
            nationalIdentifier: national,
            equipment: .init(
                manufacturer: Self.manufacturer,
                modelName: Self.manufacturer,
                institutionName: String(site.prefix(64)),
                stationName: String(station.prefix(16)),
                softwareVersion: Software.version,
                contributionDateTime: time
            ),
            record: .init(attributeModificationDateTime: time, modifyingSystem: Self.manufacturer),
            changing: rules
        )
    }
}
