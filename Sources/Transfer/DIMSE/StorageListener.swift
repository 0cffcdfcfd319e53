// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Linux
import NIOCore
import NIOPosix
import Synchronization

/// What the Storage SCP needs to know; parsed once, then trusted.
package struct StorageListenerConfiguration: Sendable {
    package var policy: AcceptorPolicy
    package var maximumAssociations: Int
    /// Peers whose instances we asked for; everybody else's are unsolicited.
    package var pullingFrom: Set<AETitle>
    /// Our own C-MOVE requests, whose instances are pulled too.
    package var moves: ActiveMoves
    /// Takes the reports of archives that we asked for storage commitment.
    package var commitments: CommitmentTable
    /// ARTIM: time for an A-ASSOCIATE-RQ after the connection, and for the close after our last word (PS3.8 9.1.5).
    package var artimSeconds: Int64
    /// An association on which nothing arrives for this long is aborted.
    package var idleSeconds: Int64

    package init(
        policy: AcceptorPolicy,
        maximumAssociations: Int,
        pullingFrom: Set<AETitle> = [],
        moves: ActiveMoves = ActiveMoves(),
        commitments: CommitmentTable = CommitmentTable(),
        artimSeconds: Int64 = 30,
        idleSeconds: Int64 = 300
    ) {
        self.policy = policy
        self.maximumAssociations = maximumAssociations
        self.pullingFrom = pullingFrom
        self.moves = moves
        self.commitments = commitments
        self.artimSeconds = artimSeconds
        self.idleSeconds = idleSeconds
    }
}

/// The Verification and Storage SCP: listens, and gives each association a handler on a loop of its own.
package final class StorageListener: Sendable {
    /// One large read spans many PDUs: what a receive costs is system calls per PDU.
    static let largeBuffer = 1 << 20
    static let smallBuffer = 256 << 10
    /// Beyond this many associations new ones read into `smallBuffer`, which bounds the memory of all together.
    static let associationsWithLargeBuffer = 8

    /// More connections than associations may be open, so that a peer too many is told so (A-ASSOCIATE-RJ).
    static let connectionsBeyondAssociations = 64

    /// Where it really listens (port 0 in the configuration: any free one).
    package let addresses: [(host: String, port: Int)]
    private let sockets: [ListeningSocket]
    private let acceptors: [Worker]
    private let loops: AssociationLoops
    private let associations: AssociationTable

    package init(
        on addresses: [(host: String, port: Int)],
        configuration: StorageListenerConfiguration,
        receiver: any InstanceReceiver,
        journal: TransferJournal,
        tls: TLSServer? = nil
    ) throws(SystemCallError) {
        var sockets: [ListeningSocket] = []
        for address in addresses {
            sockets.append(try ListeningSocket(host: address.host, port: address.port))
        }
        let loops = AssociationLoops(count: min(configuration.maximumAssociations, 64))
        let associations = AssociationTable(maximum: configuration.maximumAssociations)
        let connector = Connector(
            configuration: configuration,
            loops: loops,
            associations: associations,
            receiver: receiver,
            journal: journal,
            tls: tls
        )
        acceptors = sockets.compactMap { socket in
            Worker { waiter in connector.acceptAll(from: socket, waiter) }
        }
        self.addresses = sockets.map { ($0.host, $0.port) }
        self.sockets = sockets
        self.loops = loops
        self.associations = associations
    }

    /// Stops listening, asks every peer to release once its operation is done, and aborts who has not after
    /// `grace`.
    package func shutdown(grace: Duration) async {
        for socket in sockets { socket.close() }
        for acceptor in acceptors { acceptor.join() }
        associations.requestRelease()
        let deadline = ContinuousClock.now + grace
        while associations.open > 0, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        associations.abort()
        let end = ContinuousClock.now + .seconds(1)
        while associations.open > 0, ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(20))
        }
        try? await loops.shutdownGracefully()
    }
}

/// Turns connections into channels, each with a handler on the least loaded loop.
private final class Connector: Sendable {
    private let configuration: StorageListenerConfiguration
    private let loops: AssociationLoops
    private let associations: AssociationTable
    private let receiver: any InstanceReceiver
    private let journal: TransferJournal
    private let tls: TLSServer?
    private let connections = Mutex(0)

    init(
        configuration: StorageListenerConfiguration,
        loops: AssociationLoops,
        associations: AssociationTable,
        receiver: any InstanceReceiver,
        journal: TransferJournal,
        tls: TLSServer?
    ) {
        self.configuration = configuration
        self.loops = loops
        self.associations = associations
        self.receiver = receiver
        self.journal = journal
        self.tls = tls
    }

    /// Takes connections until the socket is closed.
    func acceptAll(from socket: ListeningSocket, _ waiter: Worker.Waiter) {
        while true {
            do {
                guard let descriptor = try socket.accept() else { return }
                connect(descriptor)
            } catch {
                guard error.isTransient else {
                    journal.record(.acceptFailed(reason: "\(error)"))
                    return
                }
                waiter.wait(milliseconds: 100)
            }
        }
    }

    private func connect(_ descriptor: Int32) {
        let limit = configuration.maximumAssociations + StorageListener.connectionsBeyondAssociations
        let isAllowed = connections.withLock { connections in
            guard connections < limit else { return false }
            connections += 1
            return true
        }
        guard isAllowed else {
            _ = Descriptor(owning: descriptor)
            return
        }
        let loop = loops.take()
        ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.set(up: channel) }
            }
            .withConnectedSocket(descriptor)
            .flatMap(\.closeFuture)
            .whenComplete { _ in
                self.loops.release(loop)
                self.connections.withLock { $0 -= 1 }
            }
    }

    private func set(up channel: any Channel) throws {
        let isCrowded = associations.open >= StorageListener.associationsWithLargeBuffer
        try channel.syncOptions?.setOption(
            .recvAllocator,
            value: FixedSizeRecvByteBufferAllocator(
                capacity: isCrowded ? StorageListener.smallBuffer : StorageListener.largeBuffer
            )
        )
        let handler = AssociationHandler(
            configuration: configuration,
            associations: associations,
            receiver: receiver,
            journal: journal
        )
        try tls?.configure(channel)
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}

/// The associations that are open, and how many may be.
final class AssociationTable: Sendable {
    private struct State {
        var nextID = 1
        var channels: [Int: any Channel] = [:]
    }

    /// What the listener asks of an association's handler.
    enum Request: Sendable { case release, abort }

    private let maximum: Int
    private let state = Mutex(State())

    init(maximum: Int) {
        self.maximum = maximum
    }

    var open: Int { state.withLock { $0.channels.count } }

    /// A number for the association on `channel`, or nil when there are as many as may be.
    func enter(_ channel: any Channel) -> Int? {
        state.withLock { state in
            guard state.channels.count < maximum else { return nil }
            defer { state.nextID += 1 }
            state.channels[state.nextID] = channel
            return state.nextID
        }
    }

    func leave(_ id: Int) {
        state.withLock { _ = $0.channels.removeValue(forKey: id) }
    }

    func requestRelease() {
        send(.release)
    }

    func abort() {
        send(.abort)
    }

    private func send(_ request: Request) {
        for channel in state.withLock({ Array($0.channels.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(request)
        }
    }
}
