// SPDX-License-Identifier: Apache-2.0
import DICOM
import NIOHTTP1
package import Store
package import Transfer

/// Stands before WADO-RS: another box is given what a manifest lists that is in the record now, and nothing else. Each
/// instance leaves with the national identifier that the manifest carries.
package struct RetrieveGate: HTTPResponder {
    private static let header = "KOS-SOPInstanceUID"

    private let table: PublicationTable
    private let service: DICOMwebService
    private let traces: AuditTable
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64

    package init(
        table: PublicationTable,
        service: DICOMwebService,
        traces: AuditTable,
        now: @escaping @Sendable () -> Int64
    ) {
        self.table = table
        self.service = service
        self.traces = traces
        self.now = now
    }

    /// Every answer leaves a trace before its first byte leaves; without one there is no answer.
    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/dicomweb" || request.path == "/dicomweb/" {
            return await service.respond(to: request)
        }
        let response = await admit(request)
        let manifest = request.headers.first(name: Self.header)?.prefix(64) ?? "none"
        do {
            try traces.append(
                time: now(),
                user: request.security?.certificate?.subject ?? "no certificate",
                action: "WADO-RS",
                subject: "\(request.path.prefix(500)) \(Self.header) \(manifest)",
                outcome: "\(response.status.code)",
                reason: ""
            )
        } catch {
            return .text(.serviceUnavailable, "the access cannot be traced")
        }
        return response
    }

    private func admit(_ request: HTTPRequest) async -> HTTPResponse {
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
        let found: PublicationManifest?
        do {
            found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(uid.string)
            }
        } catch {
            return .text(.internalServerError, "the manifests cannot be read")
        }
        guard let manifest = found, manifest.state == .published || manifest.state == .submitted,
            let listed = (try? KeyObjectSelection(file: manifest.document))?.studies.first
        else {
            return .text(.notFound, "Can't find KOS in database. SopInstance : \(uid)")
        }
        guard let resource = Self.resource(request) else {
            return .text(.notFound, "expected /studies/{study}[/series/{series}[/instances/{instance}]]")
        }
        guard Self.lists(listed, resource) else {
            return .text(
                .notFound,
                "Can't find KOS in database. SopInstance : \(uid) / Study : \(resource.study)"
            )
        }
        let patient = (try? SubmittedContext(reading: manifest.context))?.report.patient.nationalIdentifier
        let scope = RetrieveScope(
            sopInstanceUIDs: Set(listed.sopInstanceUIDs),
            otherPatientID: patient.map {
                ManifestBuilder.otherPatientID(.init(value: $0.value, authority: $0.authority))
            }
        )
        return await DICOMwebService(service, scope: scope).respond(to: request)
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
