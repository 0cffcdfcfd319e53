// SPDX-License-Identifier: Apache-2.0
import DICOM
import NIOHTTP1
package import Store
import Synchronization
package import Transfer

/// Whether who asks may ask at all, whatever for.
package enum RetrieveAdmission: Sendable {
    /// With what a trace is to say of them: a professional and the software that asks in their name.
    case admitted(who: String?)
    case refused(HTTPResponse, reason: String)
}

/// Stands before WADO-RS: another box is given what a manifest lists that is in the record now, and nothing else. Each
/// instance leaves with the national identifier that the manifest carries.
package final class RetrieveGate: HTTPResponder {
    private static let header = "KOS-SOPInstanceUID"

    private let table: PublicationTable
    private let service: DICOMwebService
    private let traces: AuditTable
    /// Nil where everybody may ask whom TLS has let in.
    private let admission: (@Sendable (HTTPRequest) async -> RetrieveAdmission)?
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private let known = Mutex(KnownManifests())
    private let refusals = Mutex(RefusalBudget())

    package init(
        table: PublicationTable,
        service: DICOMwebService,
        traces: AuditTable,
        admission: (@Sendable (HTTPRequest) async -> RetrieveAdmission)? = nil,
        now: @escaping @Sendable () -> Int64
    ) {
        self.table = table
        self.service = service
        self.traces = traces
        self.admission = admission
        self.now = now
    }

    /// Every answer leaves a trace before its first byte leaves; without one there is no answer. Of refusals in great
    /// numbers the first of a minute do, and how many there were.
    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/dicomweb" || request.path == "/dicomweb/" {
            return await service.respond(to: request)
        }
        var user = request.security?.certificate?.subject ?? "no certificate"
        var reason = ""
        let response: HTTPResponse
        switch await admission?(request) {
        case .refused(let refusal, let why):
            response = refusal
            reason = why
        case .admitted(let who):
            if let who { user += " for \(who)" }
            response = await answer(request)
        case nil: response = await answer(request)
        }
        let time = now()
        var passedOver = 0
        if response.status.code >= 400 {
            guard let count = refusals.withLock({ $0.admit(at: time) }) else { return response }
            passedOver = count
        }
        if passedOver > 0 { reason += " (\(passedOver) more refusals before this one)" }
        let manifest = request.headers.first(name: Self.header)?.prefix(64) ?? "none"
        do {
            try traces.append(
                time: time,
                user: user,
                action: "WADO-RS",
                subject: "\(request.path.prefix(500)) \(Self.header) \(manifest)",
                outcome: "\(response.status.code)",
                reason: reason
            )
        } catch {
            return .text(.serviceUnavailable, "the access cannot be traced")
        }
        return response
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

/// How many refusals leave a trace: who knocks all night does not fill the disk.
struct RefusalBudget {
    static let perMinute = 100

    private var minute: Int64 = 0
    private var count = 0
    private var passedOver = 0

    /// How many were passed over since the last one that was let in; nil where this one is passed over too. `time` is in
    /// milliseconds.
    mutating func admit(at time: Int64) -> Int? {
        if time / 60_000 != minute { (minute, count) = (time / 60_000, 0) }
        count += 1
        guard count <= Self.perMinute else {
            passedOver += 1
            return nil
        }
        defer { passedOver = 0 }
        return passedOver
    }
}
