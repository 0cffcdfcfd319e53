// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Linux
import NIOCore
import NIOPosix
import ServiceLifecycle
import Source
import Store
import Transfer

/// The gateway: composes spool, Storage SCP, DICOMweb and status socket, in this order, and ends them in reverse.
struct Gateway: Service {
    /// Associations may finish their operation for so long when the gateway ends.
    static let shutdownGrace: Duration = .seconds(5)

    let configuration: GatewayConfiguration
    let journal = GatewayJournal()

    func run() async throws {
        let started = Timestamp(milliseconds: WallClock.milliseconds())
        let spool = try Spool(
            directory: configuration.dataDirectory,
            options: SpoolOptions(
                capacityBytes: Int64(configuration.spool.capacityBytes),
                segmentBytes: Int64(configuration.spool.segmentBytes)
            )
        )
        let wire = TransferJournal()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let workers = NIOThreadPool(numberOfThreads: 4)
        workers.start()
        let news = Task {
            async let spoolNews: Void = journal.follow(spool.events)
            async let wireNews: Void = journal.follow(wire.events)
            _ = await (spoolNews, wireNews)
        }
        do {
            try await serve(spool, wire, group, workers, started)
        } catch {
            await stop(spool, wire, group, workers, news)
            throw error
        }
        await stop(spool, wire, group, workers, news)
    }

    private func serve(
        _ spool: Spool,
        _ wire: TransferJournal,
        _ group: MultiThreadedEventLoopGroup,
        _ workers: NIOThreadPool,
        _ started: Timestamp
    ) async throws {
        let arrivals = InstanceArrivals()
        let receiver = SpoolReceiver(spool: spool, arrivals: arrivals, journal: journal)
        let listening = try StorageListenerConfiguration(configuration.dicom)
        let client = DIMSEClient(
            aeTitle: listening.policy.calledAETitle,
            maximumPDULength: configuration.dicom.maximumPDULength,
            receiver: receiver,
            commitments: listening.commitments,
            moves: listening.moves,
            journal: wire
        )
        let security = Security(configuration, journal: wire)
        let peers = try Peers(configuration.dicom, client, security)
        let (dicomTLS, webTLS) = (try security.dicom(), try security.web())
        let storage = try StorageListener(
            on: configuration.dicom.listen.map { ($0.host, $0.port) },
            configuration: listening,
            receiver: receiver,
            journal: wire,
            tls: dicomTLS
        )
        var servers: [HTTPServer] = []
        let catalogue = SpoolCatalogue(spool: spool)
        let retrievals = RetrievalTable(archives: peers.archives, arrivals: arrivals, journal: wire) {
            Set(try catalogue.instances(of: $0).map(\.sopInstanceUID))
        }
        var toBoxes = DICOMwebClient.Options()
        toBoxes.tls = try security.boxes()
        toBoxes.proxy = configuration.boxes?.proxy.map { ($0.host, $0.port) }
        let web = DICOMwebClient(options: toBoxes, receiver: receiver, workers: workers, journal: wire)
        let codec = try PixelCodecs(directory: configuration.dataDirectory, journal: journal)
        let connection = try configuration.dmp.map { try RecordConnection($0, security) }
        let boxes = try configuration.whiteList.map { list in
            KnownBoxes(list, configuration, client: try security.client(list), journal: journal)
        }
        let keepsTraces = configuration.source != nil || configuration.consumer != nil
        let traces =
            keepsTraces ? try AuditTable(path: configuration.dataDirectory + "/traces.sqlite") : nil
        let source = try SourceFunction(
            configuration,
            client: client,
            peers: peers,
            security: security,
            connection: connection,
            boxes: boxes,
            traces: traces,
            journal: journal
        )
        let service = DICOMwebService(
            catalogue: catalogue,
            retrievals: retrievals,
            receiver: receiver,
            codec: codec,
            journal: wire
        )
        let viewer = try ViewerFunction(
            configuration,
            security: security,
            source: source,
            images: service,
            traces: traces
        )
        let consumer = try ConsumerFunction(
            configuration,
            client: client,
            peers: peers,
            security: security,
            connection: connection,
            boxes: boxes,
            traces: traces,
            codec: codec,
            viewer: viewer?.service,
            workers: workers,
            wire: wire,
            journal: journal
        )
        receiver.onKeyObject { try source?.take($0) }
        var reports: [MLLPListener] = []
        var pages: [HTTPServer] = []
        let jobs = TransferJobs(
            table: try JobTable(path: configuration.dataDirectory + "/jobs.sqlite"),
            spool: spool,
            client: client,
            peers: peers,
            retrievals: retrievals,
            web: web,
            codec: codec,
            journal: journal
        )
        do {
            try await jobs.resume()
            let others: any HTTPResponder =
                if configuration.web.authorization != .none, let source {
                    source.gate(before: service)
                } else {
                    service
                }
            let responder = viewer?.door(before: others) ?? others
            for address in configuration.web.listen {
                servers.append(
                    try await HTTPServer.start(
                        on: .tcp(host: address.host, port: address.port),
                        group: group,
                        workers: workers,
                        responder: responder,
                        journal: wire,
                        tls: webTLS
                    )
                )
            }
            if let path = configuration.statusSocket {
                let transfers = TransferService(peers: peers, client: client, jobs: jobs)
                let status = StatusService(
                    journal: journal,
                    transfers: transfers,
                    source: source,
                    traces: traces
                ) {
                    PipelineStatus(
                        wire.counts,
                        spool.statistics,
                        publications: source?.backlog,
                        whiteList: boxes?.status,
                        viewerLink: viewer?.linkTemplate,
                        started: started
                    )
                }
                servers.append(
                    try await HTTPServer.start(
                        on: .unix(path: path),
                        group: group,
                        workers: workers,
                        responder: status,
                        limits: StatusService.limits
                    )
                )
            }
            reports = try await source?.listen(group, workers, security.hl7()) ?? []
            pages = try await consumer?.listen(group, workers, wire) ?? []
        } catch {
            await jobs.stop()
            await source?.shutdown()
            await consumer?.shutdown()
            await viewer?.shutdown()
            await connection?.shutdown()
            await boxes?.shutdown()
            await web.shutdown()
            await client.shutdown()
            await codec.shutdown()
            await security.shutdown()
            await storage.shutdown(grace: .zero)
            throw error
        }
        let watch = Task { await security.watch() }
        defer { watch.cancel() }
        let listing = Task { await boxes?.run() }
        let consulting = Task { await consumer?.run() }
        let publishing = Task { await source?.run() }
        let viewing = Task { await viewer?.run() }
        announce(storage, servers, reports, pages, viewer)
        let notify = Notify()
        notify(.ready, .status("listening"))
        try? await gracefulShutdown()
        notify(.stopping)
        journal.record("gateway.stopping", .info, "the gateway ends")
        for listener in reports { await listener.close() }
        for server in servers + pages { await server.close() }
        publishing.cancel()
        consulting.cancel()
        viewing.cancel()
        await publishing.value
        await consulting.value
        await viewing.value
        await source?.shutdown()
        await consumer?.shutdown()
        await viewer?.shutdown()
        await connection?.shutdown()
        listing.cancel()
        await listing.value
        await boxes?.shutdown()
        await jobs.stop()
        await web.shutdown()
        await client.shutdown()
        await codec.shutdown()
        await security.shutdown()
        await storage.shutdown(grace: Self.shutdownGrace)
    }

    private func announce(
        _ storage: StorageListener,
        _ servers: [HTTPServer],
        _ reports: [MLLPListener],
        _ pages: [HTTPServer],
        _ viewer: ViewerFunction?
    ) {
        var attributes = [
            "dicom": storage.addresses.map { "\($0.host):\($0.port)" }.joined(separator: ","),
            "web": servers.prefix(configuration.web.listen.count).map(\.localAddress.display).joined(
                separator: ","
            ),
            "aeTitle": configuration.dicom.aeTitle,
        ]
        if !reports.isEmpty {
            attributes["hl7"] = reports.map(\.localAddress.display).joined(separator: ",")
        }
        if !pages.isEmpty {
            attributes["consumer"] = pages.map(\.localAddress.display).joined(separator: ",")
        }
        attributes["viewer"] = viewer?.linkTemplate
        attributes["version"] = Software.version
        journal.record("gateway.ready", .info, "the gateway listens", attributes)
        if configuration.hl7 != nil, configuration.source == nil {
            journal.record(
                "gateway.no-source",
                .warning,
                "hl7 is configured, but there is no source to take reports"
            )
        }
        let reasons = [
            ("dicom", configuration.dicom.allowPlaintext), ("web", configuration.web.allowPlaintext),
            ("hl7", configuration.hl7?.allowPlaintext),
        ]
        for (section, reason) in reasons {
            guard let reason else { continue }
            journal.record(
                "gateway.plaintext-allowed",
                .warning,
                "plain text beyond loopback is allowed by configuration",
                ["section": section, "reason": reason]
            )
        }
    }

    private func stop(
        _ spool: Spool,
        _ wire: TransferJournal,
        _ group: MultiThreadedEventLoopGroup,
        _ workers: NIOThreadPool,
        _ news: Task<Void, Never>
    ) async {
        try? await group.shutdownGracefully()
        try? await workers.shutdownGracefully()
        spool.close()
        wire.finish()
        news.cancel()
        await news.value
    }
}

extension SocketAddress {
    /// "127.0.0.1:11112" or a path.
    fileprivate var display: String {
        if let path = pathname { return path }
        let host = ipAddress ?? ""
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port ?? 0)"
    }
}

extension StorageListenerConfiguration {
    fileprivate init(_ dicom: GatewayConfiguration.DICOM) throws(ConfigurationError) {
        func title(_ text: String, _ path: String) throws(ConfigurationError) -> AETitle {
            guard let title = AETitle(text) else {
                throw ConfigurationError(
                    path: path,
                    found: text,
                    expected: "an AE title of 1 to 16 characters"
                )
            }
            return title
        }
        var calling: Set<AETitle> = []
        var pulling: Set<AETitle> = []
        for (index, peer) in dicom.peers.enumerated() {
            let aeTitle = try title(peer.aeTitle, "dicom.peers[\(index)].aeTitle")
            calling.insert(aeTitle)
            if peer.sends == .pulled { pulling.insert(aeTitle) }
        }
        self.init(
            policy: AcceptorPolicy(
                calledAETitle: try title(dicom.aeTitle, "dicom.aeTitle"),
                callingAETitles: calling,
                acceptUnknownPeers: dicom.acceptUnknownPeers,
                maximumPDULength: dicom.maximumPDULength,
                maximumOperationsPerformed: 16
            ),
            maximumAssociations: dicom.maximumAssociations,
            pullingFrom: pulling,
            artimSeconds: Int64(dicom.artimSeconds),
            idleSeconds: Int64(dicom.idleSeconds)
        )
    }
}
