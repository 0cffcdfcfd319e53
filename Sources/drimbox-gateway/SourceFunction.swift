// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import FoundationEssentials
import IHE
import Linux
import NIOCore
import NIOPosix
import Source
import Store
import Transfer
import XML

/// The source: reports in, manifests out, images to who names a manifest.
final class SourceFunction: Sendable {
    /// Who is told of rejection notes that arrive.
    let intake: ReportIntake
    let desk: PublicationDesk
    /// Every manifest that ever was in the record.
    let archive: ManifestArchive
    private let table: PublicationTable
    /// Who asked for images, and what the RIS and the record were told: a chain of hashes, as the box's own audit.
    let traces: AuditTable
    private let record: DMPRecord
    private let publisher: Publisher
    private let receiver: ReportReceiver
    private let journal: GatewayJournal
    private let configuration: GatewayConfiguration
    /// Nil where nobody has to show a token.
    private let identity: ProfessionalIdentity?
    /// Nil where every box may ask that TLS lets in.
    private let boxes: KnownBoxes?

    /// Nil where the configuration has no source.
    init?(
        _ configuration: GatewayConfiguration,
        client: DIMSEClient,
        peers: Peers,
        security: Security,
        connection: RecordConnection?,
        boxes: KnownBoxes?,
        traces: AuditTable?,
        journal: GatewayJournal
    ) throws {
        guard let source = configuration.source, let dmp = configuration.dmp, let connection, let traces
        else { return nil }
        self.configuration = configuration
        self.boxes = boxes
        identity =
            configuration.web.authorization == .proSanteConnect
            ? try configuration.proSanteConnect.map { try ProfessionalIdentity($0, security) } : nil
        self.journal = journal
        let table = try PublicationTable(path: configuration.dataDirectory + "/publications.sqlite")
        self.table = table
        self.traces = traces
        let news = SourceNews(journal: journal, traces: traces)
        let now: @Sendable () -> Int64 = { WallClock.milliseconds() }
        record = DMPRecord(
            client: connection.client,
            sourceID: dmp.sourceIdentifier,
            makeUUID: { UUID().uuidString.lowercased() },
            makeUID: { Self.makeUID() }
        )
        guard
            let pacs = peers.all.first(where: { entry in
                entry.roles.contains(.find)
                    && (source.archive == nil || source.archive == entry.peer.aeTitle.string)
            })
        else {
            throw ConfigurationError(
                path: "source.archive",
                found: "nothing",
                expected: "a peer with the role \"find\""
            )
        }
        var settings = Publisher.Settings()
        settings.parallel = source.parallelPublications
        settings.imageWaitHours = source.imageWaitHours
        let publisher = Publisher(
            table: table,
            source: ArchivedManifests(
                client: client,
                archive: pacs.peer,
                site: .init(
                    manufacturer: "DRIMbox",
                    retrieveURL: source.retrieveURL,
                    retrieveLocationUID: source.retrieveLocationUID.flatMap { UID($0) },
                    timezoneOffset: source.timezoneOffset,
                    forms: source.manifests.forms,
                    mado: source.mado.map { MADOSite($0) } ?? MADOSite()
                )
            ),
            record: record,
            settings: settings,
            journal: news,
            now: now,
            makeUID: { Self.makeUID() }
        )
        self.publisher = publisher
        intake = ReportIntake(table: table, journal: news, now: now)
        desk = PublicationDesk(table: table, intake: intake) { publisher.wake() }
        let sender = dmp.structures.first
        self.archive = ManifestArchive(
            table: table,
            text: XDMText(
                organization: sender?.name ?? configuration.site,
                organizationIdentifier: sender?.identifiers.first ?? "",
                application: "DRIMbox",
                version: Software.version
            ),
            journal: news,
            now: now
        )
        receiver = ReportReceiver(
            intake: intake,
            table: table,
            journal: news,
            now: now,
            timestamp: { SiteTime.utc(now()) + "+0000" },
            knowsStructure: { [record] in record.knows($0) },
            allowsMaskedAndInvisible: dmp.allowsMaskedAndInvisible,
            wake: { publisher.wake() }
        )
    }

    /// Publishes until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [table, journal] in
                do throws(StoreError) {
                    try PatientKeys.complete(table)
                } catch {
                    journal.record(
                        "source.store-failed",
                        .critical,
                        "what was published cannot be read: \(error)"
                    )
                }
            }
            group.addTask { [publisher] in await publisher.run() }
        }
    }

    /// Listens for reports.
    func listen(_ group: MultiThreadedEventLoopGroup, _ workers: NIOThreadPool, _ tls: TLSServer?)
        async throws
        -> [MLLPListener]
    {
        var listeners: [MLLPListener] = []
        for address in configuration.hl7?.listen ?? [] {
            listeners.append(
                try await MLLPListener.start(
                    host: address.host,
                    port: address.port,
                    group: group,
                    workers: workers,
                    tls: tls,
                    answer: { [receiver] in receiver.answer($0) },
                    onFailure: { [journal] peer, reason in
                        journal.record("hl7.connection-failed", .warning, reason, ["peer": peer])
                    }
                )
            )
        }
        return listeners
    }

    /// What stands before the images, and beside it, where manifests are published in MADO's form, what lets others find
    /// them.
    func gate(before service: DICOMwebService) -> any HTTPResponder {
        let (boxes, identity) = (boxes, identity)
        let access = TracedAccess(
            traces: traces,
            admission: { request in
                if let refusal = boxes?.refusal(of: request) { return refusal }
                return await identity?.admit(request) ?? .admitted(who: nil)
            },
            now: { WallClock.milliseconds() }
        )
        let gate = RetrieveGate(table: table, service: service, access: access)
        guard let mado = configuration.source?.mado else { return gate }
        let documents = DocumentResponder(
            table: table,
            access: access,
            site: .init(
                viewerHost: configuration.web.viewerHost,
                mado: MADOSite(mado),
                version: Software.version
            ),
            conversion: { file in
                try MADOBundle.encode(try ImagingManifest(file: file), MADOSite(mado).settings)
            },
            makeToken: { UUID().uuidString.lowercased() },
            now: { WallClock.milliseconds() }
        )
        return SharedPort(documents: documents, gate: gate)
    }

    /// Two interfaces of one port.
    private struct SharedPort: HTTPResponder {
        let documents: DocumentResponder
        let gate: RetrieveGate

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            let isFHIR =
                request.path == DocumentResponder.path || request.path.hasPrefix(DocumentResponder.path + "/")
            return isFHIR ? await documents.respond(to: request) : await gate.respond(to: request)
        }
    }

    /// What the links of reports lead to.
    func links() -> ReportLinks { ReportLinks(table: table) }

    /// Nil where it cannot be read, which is told otherwise.
    var backlog: PipelineStatus.Publications? {
        try? desk.backlog(
            imageWaitHours: configuration.source?.imageWaitHours ?? 0,
            now: WallClock.milliseconds()
        )
    }

    func shutdown() async {
        await identity?.shutdown()
    }

    /// A key object document that was received and is kept; what a rejection note rejects leaves the manifests.
    func take(_ document: KeyObjectSelection) throws {
        guard case .rejection(let code) = document.title else { return }
        for study in document.studies {
            try intake.reject(
                study: study.studyInstanceUID,
                instances: study.sopInstanceUIDs,
                note: document.sopInstanceUID,
                title: code
            )
        }
        publisher.wake()
    }

    /// PS3.5 B.2.
    private static func makeUID() -> UID {
        let uuid = UUID().uuid
        return UID(
            uuid: [
                uuid.0, uuid.1, uuid.2, uuid.3, uuid.4, uuid.5, uuid.6, uuid.7, uuid.8, uuid.9, uuid.10,
                uuid.11,
                uuid.12, uuid.13, uuid.14, uuid.15,
            ]
        )
    }
}

/// What the source tells, in the gateway's journal.
private struct SourceNews: SourceJournal {
    let journal: GatewayJournal
    let traces: AuditTable

    func record(_ event: SourceEvent) {
        trace(event)
        tell(event)
    }

    /// What was taken from the RIS and done in the record.
    private func trace(_ event: SourceEvent) {
        switch event {
        case .messageAccepted(let control, let kind, _): trace("RIS", "HL7 \(kind)", control, "AA")
        case .messageRefused(let control, let code, let reason): trace("RIS", "HL7", control, code, reason)
        case .manifestPublished(_, let manifest, let entry, _, let replaced):
            trace("drimbox", replaced == nil ? "TD2.1a" : "TD2.1b", manifest, entry, replaced ?? "")
        case .manifestWithdrawn(_, let manifest): trace("drimbox", "TD3.3c", manifest, "withdrawn")
        case .manifestTakenOut(_, let manifest): trace("DMP", "taken out", manifest, "forgotten")
        case .rejectionNoted(let study, let instances, let title):
            trace("PACS", "IOCM", study, "\(instances) rejected", title)
        case .publicationFailed(let study, let reason):
            trace("drimbox", "publication", study, "failed", reason)
        case .manifestImported(_, let manifest, let isWithdrawn):
            trace("admin", "XDM import", manifest, isWithdrawn ? "withdrawn" : "published")
        case .manifestExported(_, let manifest): trace("admin", "XDM export", manifest, "read")
        case .messageRepeated, .imagesAwaited, .imagesOverdue, .publicationDelayed, .storeFailed: break
        }
    }

    private func trace(
        _ user: String,
        _ action: String,
        _ subject: String,
        _ outcome: String,
        _ reason: String = ""
    ) {
        do throws(StoreError) {
            try traces.append(
                time: WallClock.milliseconds(),
                user: user,
                action: action,
                subject: subject,
                outcome: outcome,
                reason: reason
            )
        } catch {
            journal.record("source.trace-failed", .critical, "a trace cannot be kept: \(error)")
        }
    }

    private func tell(_ event: SourceEvent) {
        switch event {
        case .messageAccepted(let control, let kind, let exams):
            journal.record(
                "hl7.accepted",
                .info,
                "a message was accepted",
                ["controlID": control, "kind": kind, "exams": "\(exams)"]
            )
        case .messageRepeated(let control):
            journal.record("hl7.repeated", .info, "a message came again", ["controlID": control])
        case .messageRefused(let control, let code, let reason):
            journal.record(
                "hl7.refused",
                .warning,
                "a message was refused: \(reason)",
                ["controlID": control, "code": code]
            )
        case .manifestPublished(let study, let manifest, let entry, let instances, let replaced):
            var attributes = [
                "study": study, "manifest": manifest, "entry": entry, "instances": "\(instances)",
            ]
            attributes["replaced"] = replaced
            journal.record("manifest.published", .info, "a manifest is in the record", attributes)
        case .manifestWithdrawn(let study, let manifest):
            journal.record(
                "manifest.withdrawn",
                .info,
                "a manifest was withdrawn from the record",
                ["study": study, "manifest": manifest]
            )
        case .manifestTakenOut(let study, let manifest):
            journal.record(
                "manifest.taken-out",
                .warning,
                "somebody else took a manifest out of the record",
                ["study": study, "manifest": manifest]
            )
        case .imagesAwaited(let study, let reason):
            journal.record(
                "source.images-awaited",
                .info,
                "images are waited for: \(reason)",
                ["study": study]
            )
        case .imagesOverdue(let study, let hours):
            journal.record(
                "source.images-overdue",
                .critical,
                "the images of a report did not come within \(hours) hours",
                ["study": study]
            )
        case .publicationDelayed(let study, let reason, let seconds):
            journal.record(
                "source.publication-delayed",
                .warning,
                "a publication is tried again: \(reason)",
                ["study": study, "seconds": "\(seconds)"]
            )
        case .publicationFailed(let study, let reason):
            journal.record(
                "source.publication-failed",
                .critical,
                "a publication needs a person: \(reason)",
                ["study": study]
            )
        case .rejectionNoted(let study, let instances, let title):
            journal.record(
                "source.rejection-noted",
                .info,
                "instances were rejected",
                ["study": study, "instances": "\(instances)", "title": title]
            )
        case .manifestImported(let study, let manifest, let isWithdrawn):
            journal.record(
                "manifest.imported",
                .info,
                "a manifest was taken in from an archive",
                ["study": study, "manifest": manifest, "withdrawn": "\(isWithdrawn)"]
            )
        case .manifestExported: break
        case .storeFailed(let reason):
            journal.record(
                "source.store-failed",
                .critical,
                "what is to be published cannot be kept: \(reason)"
            )
        }
    }
}
