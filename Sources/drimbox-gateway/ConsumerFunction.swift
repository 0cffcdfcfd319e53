// SPDX-License-Identifier: Apache-2.0
import Admin
import Consumer
import DICOM
import DMP
import FoundationEssentials
import IHE
import Identity
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix
import Store
import Transfer
import Viewer

/// The consumer: the pages, and what other boxes send for them. Images of other sites lie in a spool of their own, which
/// is empty at each start: they are lent, and nothing of the site's own is mixed with them.
final class ConsumerFunction: Sendable {
    private let configuration: GatewayConfiguration.Consumer
    private let service: ConsumerService
    /// Nil where images are looked at nowhere.
    private let viewer: ViewerService?
    /// What is for the archive, and what is only looked at where that comes with loss.
    private let lent: [RetrievePurpose: LentImages]
    private let provider: HTTPSClient
    /// To sites that share their manifests.
    private let sites: HTTPSClient
    private let tls: TLSServer?
    /// Nil where no other software may ask with its users' tokens.
    private let identity: ProfessionalIdentity?

    /// Nil where the configuration has no consumer.
    init?(
        _ configuration: GatewayConfiguration,
        client: DIMSEClient,
        peers: Peers,
        security: Security,
        connection: RecordConnection?,
        boxes: KnownBoxes?,
        traces: AuditTable?,
        codec: any PixelCodec,
        viewer: ViewerService?,
        workers: NIOThreadPool,
        wire: TransferJournal,
        journal: GatewayJournal
    ) throws {
        guard let consumer = configuration.consumer, let dmp = configuration.dmp,
            let identity = configuration.proSanteConnect, let connection, let boxes, let traces
        else { return nil }
        self.configuration = consumer
        self.viewer = viewer
        tls = try security.consumer()
        let directory = configuration.dataDirectory + "/consumer"
        try Directory.create(directory)
        var toBoxes = DICOMwebClient.Options()
        toBoxes.tls = try security.boxes()
        toBoxes.triesConnectionsAgain = false
        toBoxes.proxy = configuration.boxes?.proxy.map { ($0.host, $0.port) }
        let isOneTransfer = consumer.viewing == .lossless
        let capacity = isOneTransfer ? consumer.cacheBytes : consumer.cacheBytes / 2
        let options = SpoolOptions(
            capacityBytes: Int64(capacity),
            segmentBytes: Int64(min(configuration.spool.segmentBytes, capacity / 4))
        )
        func lend(_ name: String) throws -> LentImages {
            let spool = try LentImages.spool("\(directory)/\(name)", options)
            let receiver = SpoolReceiver(spool: spool, arrivals: InstanceArrivals(), journal: journal)
            return LentImages(
                spool: spool,
                web: DICOMwebClient(options: toBoxes, receiver: receiver, workers: workers, journal: wire)
            )
        }
        let exported = try lend("images")
        let looked = isOneTransfer ? exported : try lend("images-to-look-at")
        lent = isOneTransfer ? [.export: exported] : [.export: exported, .view: looked]
        provider = try security.client(identity.provider)
        sites = HTTPSClient(
            tls: toBoxes.tls,
            proxy: toBoxes.proxy,
            seconds: 20,
            limit: 32 << 20
        )
        let others = consumer.priorClients.isEmpty ? nil : try ProfessionalIdentity(identity, security)
        self.identity = others
        let party = try security.relyingParty(
            identity.provider,
            provider,
            redirectURI: consumer.publicURL + "/consumer/signed-in"
        )
        let archive = consumer.archive.flatMap { AETitle($0) }.flatMap { peers[$0] }
        let pictures = DICOMwebService(
            catalogue: SpoolCatalogue(spool: looked.spool),
            codec: codec,
            journal: wire
        )
        let images = BoxImages(
            clients: lent.mapValues(\.web),
            boxes: boxes,
            allowsPrivateAddresses: consumer.allowPrivateAddresses != nil,
            hasProxy: configuration.boxes?.proxy != nil
        )
        let record = DMPConsultation(client: connection.client, sender: dmp.sourceIdentifier) {
            UUID().uuidString.lowercased()
        }
        service = ConsumerService(
            .init(
                publicURL: consumer.publicURL,
                viewing: isOneTransfer ? .export : .view,
                preferredManifest: RegisteredDocument.ManifestForm(consumer.preferredManifest),
                sessionIdleMinutes: consumer.sessionIdleMinutes,
                contextSeconds: consumer.contextSeconds,
                software: dmp.software.name,
                version: Software.version
            ),
            .init(
                party: party,
                record: record,
                shared: consumer.documentResponders.map { [sites] responder in
                    DocumentConsumer(
                        name: responder.name,
                        url: responder.url,
                        exchange: sites.documents(images)
                    )
                },
                images: images,
                archive: try archive.map { entry in
                    try SiteArchive(
                        client: client,
                        peer: entry.peer,
                        spool: exported.spool,
                        codec: codec,
                        site: configuration.site,
                        consumer: consumer
                    )
                },
                thumbnail: { manifest, position in
                    await pictures.thumbnail(manifest, position)
                },
                knowsStructure: { connection.client[$0] != nil },
                traces: TraceBook(key: try Self.key(directory)) {
                    user,
                    action,
                    subject,
                    outcome,
                    reason in
                    try traces.append(
                        time: WallClock.milliseconds(),
                        user: user,
                        action: action,
                        subject: subject,
                        outcome: outcome,
                        reason: reason
                    )
                },
                identify: Self.identify(others, party, Set(consumer.priorClients)),
                viewer: viewer.map { ConsumerViewer(viewer: $0, images: pictures) }
            ),
            now: { WallClock.milliseconds() }
        )
    }

    func listen(_ group: any EventLoopGroup, _ workers: NIOThreadPool, _ wire: TransferJournal) async throws
        -> [HTTPServer]
    {
        var servers: [HTTPServer] = []
        let responder: any HTTPResponder = viewer.map { ViewerPath(viewer: $0, others: service) } ?? service
        for address in configuration.listen {
            servers.append(
                try await HTTPServer.start(
                    on: .tcp(host: address.host, port: address.port),
                    group: group,
                    workers: workers,
                    responder: responder,
                    journal: wire,
                    tls: tls
                )
            )
        }
        return servers
    }

    /// Looks after the sessions until the task is cancelled.
    func run() async { await service.run() }

    func shutdown() async {
        for images in lent.values { await images.web.shutdown() }
        await provider.shutdown()
        await sites.shutdown()
        await identity?.shutdown()
        for images in lent.values { images.spool.close() }
    }

    /// Nil where no other software may ask.
    private static func identify(
        _ others: ProfessionalIdentity?,
        _ party: RelyingParty,
        _ clients: Set<String>
    ) -> (@Sendable (String) async throws(SignInError) -> Professional)? {
        guard let others else { return nil }
        return { @Sendable (token) async throws(SignInError) in
            try await others.check(token, of: clients)
            return try await party.professional(holding: token)
        }
    }

    /// The key of the traces' pseudonyms: made once, kept as long as the traces.
    private static func key(_ directory: String) throws -> [UInt8] {
        let path = directory + "/trace.key"
        if FileStamp(path) != nil {
            let key = try readFile(path, limit: 64)
            guard key.count == 32 else {
                throw ConfigurationError(path: path, found: "\(key.count) bytes", expected: "32 bytes")
            }
            return key
        }
        var generator = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
        // Under another key nobody would find the traces of a patient again.
        try replaceFile(path, with: key, mode: 0o600)
        try Directory.synchronize(directory)
        return key
    }
}

/// Images of other sites, and the client that brings them.
private struct LentImages: Sendable {
    let spool: Spool
    let web: DICOMwebClient

    /// Empty, whatever a former run left in it.
    static func spool(_ directory: String, _ options: SpoolOptions) throws -> Spool {
        if FileManager.default.fileExists(atPath: directory) {
            try FileManager.default.removeItem(atPath: directory)
        }
        return try Spool(directory: directory, options: options)
    }
}

extension DICOMwebService {
    /// A small picture of an instance of a manifest.
    fileprivate func thumbnail(_ manifest: ExamManifest, _ position: Int) async -> HTTPResponse {
        let instance = manifest.instances[position]
        guard let series = manifest.series(at: position) else { return .text(.notFound, "no such image") }
        let request = HTTPRequest(
            method: .GET,
            uri:
                "/dicomweb/studies/\(manifest.studyInstanceUID)/series/\(series)/instances/\(instance)/thumbnail",
            headers: ["Accept": "image/jpeg"]
        )
        let scope = RetrieveScope(sopInstanceUIDs: [instance])
        return await DICOMwebService(self, scope: scope).respond(to: request)
    }
}

extension RegisteredDocument.ManifestForm {
    fileprivate init(_ form: GatewayConfiguration.Consumer.ManifestForm) {
        switch form {
        case .french: self = .french
        case .mado: self = .mado
        case .fhir: self = .fhir
        }
    }
}

extension HTTPSClient {
    /// As the consumer asks a Document Responder: one of the boxes that its images could come from.
    fileprivate func documents(_ boxes: BoxImages) -> DocumentConsumer.Exchange {
        { [self] (url, form, accept, token) async throws(RecordError) in
            do throws(ImageSourceError) {
                try await boxes.check(RetrieveAddress(String(url.prefix { $0 != "?" })))
            } catch {
                throw RecordError(.permanent, "\(error)")
            }
            let headers = [("Accept", accept), ("Authorization", "Bearer \(token)")]
            do throws(Failure) {
                guard let form else {
                    let answer = try await get(url, headers: headers)
                    return .init(status: answer.status, body: answer.body)
                }
                let answer = try await post(
                    Array(form.utf8),
                    contentType: "application/x-www-form-urlencoded",
                    to: url,
                    headers: headers
                )
                return .init(status: answer.status, body: answer.body)
            } catch {
                throw RecordError(.temporary, "\(error)")
            }
        }
    }

    /// As the relying party speaks to its provider.
    var exchange: ProviderExchange {
        ProviderExchange(
            get: { [self] url, bearer in
                let headers = bearer.map { [("Authorization", "Bearer \($0)")] } ?? []
                let answer = try await get(url, headers: headers)
                return .init(status: answer.status, contentType: answer.contentType, body: answer.body)
            },
            post: { [self] form, url, credentials in
                let answer = try await post(
                    Array(form.encoded.utf8),
                    contentType: "application/x-www-form-urlencoded",
                    to: url,
                    headers: [("Accept", "application/json")]
                        + (credentials.map { [("Authorization", $0.basic)] } ?? [])
                )
                return .init(status: answer.status, contentType: answer.contentType, body: answer.body)
            }
        )
    }
}
