// SPDX-License-Identifier: Apache-2.0
package import DICOM
import NIOCore
import NIOPosix
import Synchronization

/// Verification, query, retrieve, storage and storage commitment as SCU.
package final class DIMSEClient: Sendable {
    let aeTitle: AETitle
    let maximumPDULength: Int
    let receiver: any InstanceReceiver
    let journal: TransferJournal
    package let commitments: CommitmentTable
    package let moves: ActiveMoves
    private let loops: AssociationLoops
    private let ceilings = Mutex<[AETitle: PriorityCeiling]>([:])

    /// The instances of a C-GET go to `receiver`.
    package init(
        aeTitle: AETitle,
        maximumPDULength: Int = 131_072,
        receiver: any InstanceReceiver,
        commitments: CommitmentTable,
        moves: ActiveMoves,
        journal: TransferJournal,
        maximumLoops: Int = 16
    ) {
        self.aeTitle = aeTitle
        self.maximumPDULength = maximumPDULength
        self.receiver = receiver
        self.commitments = commitments
        self.moves = moves
        self.journal = journal
        loops = AssociationLoops(count: maximumLoops)
    }

    /// Ends the loops; what is open is cut.
    package func shutdown() async {
        try? await loops.shutdownGracefully()
    }

    func ceiling(of peer: DICOMPeer) -> PriorityCeiling {
        ceilings.withLock { ceilings in
            if let ceiling = ceilings[peer.aeTitle] { return ceiling }
            let ceiling = PriorityCeiling(maximum: peer.maximumAssociations)
            ceilings[peer.aeTitle] = ceiling
            return ceiling
        }
    }

    /// Ours to `peer`, now.
    package func openAssociations(with peer: DICOMPeer) -> Int {
        ceiling(of: peer).open
    }

    /// Opens an association, runs `body` and releases it; aborts it where `body` throws or is cancelled.
    func withAssociation<Result: Sendable>(
        _ peer: DICOMPeer,
        _ services: [AssociationProposal.Service],
        _ priority: TransferPriority,
        receives: Bool = false,
        _ body: (RequestorAssociation) async throws -> Result
    ) async throws -> Result {
        let ceiling = ceiling(of: peer)
        try await ceiling.enter(priority)
        defer { ceiling.leave() }
        return try await withOpenAssociation(peer, services, receives: receives, body)
    }

    /// The same where the ceiling was asked already.
    func withOpenAssociation<Result: Sendable>(
        _ peer: DICOMPeer,
        _ services: [AssociationProposal.Service],
        receives: Bool = false,
        _ body: (RequestorAssociation) async throws -> Result
    ) async throws -> Result {
        let association = try await open(peer, services, receives: receives)
        journal.count { $0.associationsRequested += 1 }
        do {
            let result = try await withTaskCancellationHandler {
                try await body(association)
            } onCancel: {
                association.abort(.cancelled)
            }
            await association.release()
            return result
        } catch {
            association.abort()
            try? await association.channel.closeFuture.get()
            throw error
        }
    }

    private func open(
        _ peer: DICOMPeer,
        _ services: [AssociationProposal.Service],
        receives: Bool
    ) async throws(AssociationError) -> RequestorAssociation {
        let proposal = AssociationProposal(
            callingAETitle: aeTitle,
            calledAETitle: peer.aeTitle,
            services: services,
            maximumPDULength: maximumPDULength,
            maximumOperationsInvoked: peer.maximumOperationsInvoked
        )
        let loop = loops.take()
        let established = loop.makePromise(of: NegotiatedAssociation.self)
        let opened = loop.makePromise(of: NIOLoopBound<(RequestorHandler, ChannelHandlerContext)>.self)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .connectTimeout(.seconds(Int64(peer.timeouts.connectSeconds)))
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 2 << 20))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try self.set(up: channel, peer, proposal, receives, established, opened)
                    }
                }
                .connect(host: peer.host, port: peer.port).get()
            channel.closeFuture.whenComplete { [loops] _ in loops.release(loop) }
            return RequestorAssociation(
                agreement: try await established.futureResult.get(),
                channel: channel,
                bound: try await opened.futureResult.get()
            )
        } catch let error as AssociationError {
            throw error
        } catch {
            established.fail(error)
            opened.fail(error)
            loops.release(loop)
            throw .notConnected(Self.words(error))
        }
    }

    private func set(
        up channel: any Channel,
        _ peer: DICOMPeer,
        _ proposal: AssociationProposal,
        _ receives: Bool,
        _ established: EventLoopPromise<NegotiatedAssociation>,
        _ opened: EventLoopPromise<NIOLoopBound<(RequestorHandler, ChannelHandlerContext)>>
    ) throws {
        let handler = RequestorHandler(
            proposal: proposal,
            timeouts: peer.timeouts,
            reception: receives
                ? InstanceReception(source: peer.aeTitle, receiver: receiver) { _ in .pulled } : nil,
            events: commitments,
            bandwidth: peer.bandwidth,
            journal: journal,
            established: established
        )
        // An association that receives reads as the Storage SCP does.
        let buffer = receives ? StorageListener.largeBuffer : 64 << 10
        try channel.syncOptions?.setOption(
            .recvAllocator,
            value: FixedSizeRecvByteBufferAllocator(capacity: buffer)
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(handler)
        try peer.tls?.configure(channel)
        opened.succeed(
            NIOLoopBound((handler, try pipeline.context(handler: handler)), eventLoop: channel.eventLoop)
        )
    }

    private static func words(_ error: any Error) -> String {
        if let error = error as? NIOConnectionError {
            return error.connectionErrors.first.map { "\($0.error)" } ?? "host \(error.host) is not known"
        }
        return "\(error)"
    }
}
