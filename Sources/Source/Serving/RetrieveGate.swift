// SPDX-License-Identifier: Apache-2.0
import DICOM
import NIOHTTP1
package import Store
import Synchronization
package import Transfer

/// Stands before WADO-RS: another box is given what a manifest lists that is in the record now, and nothing else. Each
/// instance leaves with the national identifier that the manifest carries.
package final class RetrieveGate: HTTPResponder {
    private static let header = "KOS-SOPInstanceUID"

    private let table: PublicationTable
    private let service: DICOMwebService
    private let access: TracedAccess
    private let known = Mutex(KnownManifests())

    package init(table: PublicationTable, service: DICOMwebService, access: TracedAccess) {
        self.table = table
        self.service = service
        self.access = access
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/dicomweb" || request.path == "/dicomweb/" {
            return await service.respond(to: request)
        }
        let manifest = request.headers.first(name: Self.header)?.prefix(64) ?? "none"
        let subject = "\(request.path.prefix(500)) \(Self.header) \(manifest)"
        return await access.answer(request, action: "WADO-RS", subject: subject) {
            (response: await answer(request), subject: subject)
        }
    }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        guard request.method == .GET || request.method == .HEAD else {
            return .text(.methodNotAllowed, "\(request.method): expected GET or HEAD")
        }
        let named = request.headers[Self.header]
        guard let name = named.first, named.count == 1 else {
            return .text(.badRequest, "\(Self.header): found \(named.count), expected one")
        }
        guard let uid = UID(name.filter { $0 != " " }) else {
            return .text(.badRequest, "\(Self.header): found no UID")
        }
        let found: KnownManifest?
        do {
            found = try manifest(uid.string)
        } catch {
            return .text(.internalServerError, "the manifests cannot be read")
        }
        guard let found else {
            return .text(.notFound, "Can't find KOS in database. SopInstance : \(uid)")
        }
        guard let resource = Self.resource(request) else {
            return .text(.notFound, "expected /studies/{study}[/series/{series}[/instances/{instance}]]")
        }
        guard Self.lists(found.study, resource) else {
            return .text(
                .notFound,
                "Can't find KOS in database. SopInstance : \(uid) / Study : \(resource.study)"
            )
        }
        return await DICOMwebService(service, scope: found.scope).respond(to: request)
    }

    /// What a manifest lists that is in the record, or may be: a submission without an answer can have come into force.
    private func manifest(_ uid: String) throws -> KnownManifest? {
        let state = try table.transaction { (session) throws(SQLiteError) in try session.manifestState(uid) }
        guard state == .published || state == .submitted else { return nil }
        if let manifest = known.withLock({ $0[uid] }) { return manifest }
        let found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(uid) }
        guard let found, let manifest = KnownManifest(found) else { return nil }
        known.withLock { $0.insert(manifest, uid) }
        return manifest
    }

    /// What a retrieval names; nil for searches and what is no such path.
    private static func resource(_ request: HTTPRequest) -> DICOMwebRoute.Resource? {
        switch try? DICOMwebRoute.parse(method: request.method.rawValue, path: request.path) {
        case .retrieve(let resource), .metadata(let resource), .frames(let resource, _),
            .rendered(let resource, _),
            .thumbnail(let resource, _), .bulkData(let resource, _):
            resource
        default: nil
        }
    }

    private static func lists(_ study: KeyObjectSelection.Study, _ resource: DICOMwebRoute.Resource) -> Bool {
        guard study.studyInstanceUID == resource.study else { return false }
        guard let wanted = resource.series else { return true }
        guard let series = study.series.first(where: { $0.seriesInstanceUID == wanted }) else {
            return false
        }
        return resource.instance.map { series.instances.contains($0) } ?? true
    }
}

/// What the gate has to know of a manifest; what lies under its UID never changes.
private struct KnownManifest: Sendable {
    let study: KeyObjectSelection.Study
    let scope: RetrieveScope

    /// Nil where it cannot be read.
    init?(_ manifest: PublicationManifest) {
        guard let study = (try? KeyObjectSelection(file: manifest.document))?.studies.first else {
            return nil
        }
        self.study = study
        let patient = (try? SubmittedContext(reading: manifest.context))?.report.patient.nationalIdentifier
        scope = RetrieveScope(
            sopInstanceUIDs: Set(study.sopInstanceUIDs),
            otherPatientID: patient.map {
                ManifestBuilder.otherPatientID(.init(value: $0.value, authority: $0.authority))
            }
        )
    }
}

/// The manifests that were asked for last: a viewer asks for a study's instances one by one.
private struct KnownManifests {
    private static let capacity = 32

    private var manifests: [String: KnownManifest] = [:]
    private var order: [String] = []

    subscript(uid: String) -> KnownManifest? { manifests[uid] }

    mutating func insert(_ manifest: KnownManifest, _ uid: String) {
        if manifests.updateValue(manifest, forKey: uid) == nil { order.append(uid) }
        if order.count > Self.capacity { manifests[order.removeFirst()] = nil }
    }
}
