// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Synchronization

extension DIMSEClient {
    /// Below this many instances a further association is not worth its establishment.
    private static let instancesPerAssociation = 16

    /// C-STORE of `instances`, in their order, over as many associations as are free and worth it.
    ///
    /// A result is reported once for each instance, as soon as it is known. Where an instance is refused for lack of
    /// resources or its association breaks, it alone is sent again, after a pause that grows, up to
    /// `policy.maximumAttempts` times.
    package func store(
        _ peer: DICOMPeer,
        _ instances: [StorableInstance],
        priority: TransferPriority = .export,
        policy: RetryPolicy = RetryPolicy(),
        codec: (any PixelCodec)? = nil,
        onResult: @escaping @Sendable (StoreResult) -> Void
    ) async throws {
        var waiting = instances
        var attempt = 1
        while !waiting.isEmpty {
            let isLastAttempt = attempt >= policy.maximumAttempts
            let again = SharedList<StorableInstance>()
            for batch in StoreBatch.batches(waiting) {
                await send(batch, peer, priority, codec) { instance, outcome in
                    let result = StoreResult(
                        sopInstanceUID: instance.sopInstanceUID,
                        outcome: outcome,
                        bytes: instance.dataSetLength
                    )
                    if result.mayBeRetried, !isLastAttempt {
                        again.append(instance)
                    } else {
                        self.count(result)
                        onResult(result)
                    }
                }
            }
            try Task.checkCancellation()
            waiting = again.takeAll()
            guard !waiting.isEmpty else { return }
            try await Task.sleep(for: policy.delay(afterAttempt: attempt))
            attempt += 1
        }
    }

    private func count(_ result: StoreResult) {
        journal.count {
            if result.isStored {
                $0.instancesSent += 1
                $0.bytesSent += result.bytes
            } else {
                $0.instancesNotSent += 1
            }
        }
    }

    /// Sends one batch; every instance of it is reported.
    private func send(
        _ batch: StoreBatch,
        _ peer: DICOMPeer,
        _ priority: TransferPriority,
        _ codec: (any PixelCodec)?,
        _ report: @escaping @Sendable (StorableInstance, StoreResult.Outcome) -> Void
    ) async {
        let ceiling = ceiling(of: peer)
        let unaccepted = SharedList<(StorableInstance, AssociationError)>()
        let queue = StoreQueue(batch.instances) { instance, outcome in
            if codec != nil, case .failed(let error) = outcome, error.mayPassTranscoded {
                unaccepted.append((instance, error))
            } else {
                report(instance, outcome)
            }
        }
        let wanted = max(
            1,
            min(peer.maximumAssociations, batch.instances.count / Self.instancesPerAssociation)
        )
        await withTaskGroup(of: AssociationError?.self) { group in
            for index in 0..<wanted {
                group.addTask {
                    do {
                        if index == 0 {
                            try await ceiling.enter(priority)
                        } else if !ceiling.tryEnter() {
                            return nil
                        }
                        defer { ceiling.leave() }
                        try await self.withOpenAssociation(peer, batch.services) { association in
                            try await association.drain(queue)
                            try await self.convert(unaccepted.takeAll(), association, codec, priority, report)
                        }
                        return nil
                    } catch let error as AssociationError {
                        return error
                    } catch {
                        return .cancelled
                    }
                }
            }
            var failure: AssociationError?
            for await error in group { failure = failure ?? error }
            // Nobody is left to take these.
            let reason = failure ?? .cancelled
            for instance in queue.drain() { report(instance, .failed(reason)) }
            for (instance, error) in unaccepted.takeAll() { report(instance, .failed(failure ?? error)) }
        }
    }

    /// Sends instances whose stored transfer syntax was not accepted, or cannot be coerced, in one that was.
    private func convert(
        _ instances: [(StorableInstance, AssociationError)],
        _ association: RequestorAssociation,
        _ codec: (any PixelCodec)?,
        _ priority: TransferPriority,
        _ report: @escaping @Sendable (StorableInstance, StoreResult.Outcome) -> Void
    ) async throws {
        guard let codec else { return }
        for (index, (instance, error)) in instances.enumerated() {
            let acceptable = association.agreement.contexts.values
                .filter { $0.abstractSyntax == instance.sopClassUID }.map(\.transferSyntax)
            do {
                guard
                    let syntax = Transcoding.targets(from: instance.transferSyntax).first(
                        where: acceptable.contains
                    )
                else {
                    report(instance, .failed(error))
                    continue
                }
                let file = try await codec.transcode(
                    instance.file,
                    to: syntax,
                    frame: nil,
                    priority: priority
                )
                let converted = StorableInstance(
                    sopClassUID: instance.sopClassUID,
                    sopInstanceUID: instance.sopInstanceUID,
                    transferSyntax: syntax,
                    file: file.extent,
                    dataSetOffset: file.dataSetOffset,
                    coercion: instance.coercion
                )
                try await association.drain(
                    StoreQueue([converted]) { _, outcome in report(instance, outcome) }
                )
            } catch let failure as AssociationError {
                // The association is gone: what follows is reported too.
                for (instance, _) in instances[(index + 1)...] { report(instance, .failed(failure)) }
                throw failure
            } catch let failure {
                report(instance, .refused(.processingFailure, comment: "\(failure)"))
            }
        }
    }
}

extension AssociationError {
    /// Whether the instance may be sent in another transfer syntax.
    fileprivate var mayPassTranscoded: Bool {
        switch self {
        case .noPresentationContext, .notCoerced(.cannotBePieced): true
        default: false
        }
    }
}

/// A list that several threads fill.
private final class SharedList<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func append(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    func takeAll() -> [Element] {
        elements.withLock { elements in
            defer { elements = [] }
            return elements
        }
    }
}

/// Instances whose SOP classes and transfer syntaxes fit into one association's presentation contexts.
struct StoreBatch: Sendable {
    let instances: [StorableInstance]
    let services: [AssociationProposal.Service]

    private struct Pair: Hashable {
        let sopClass: UID
        let transferSyntax: UID
    }

    /// For each class a context for the syntax that is stored, and one for what can always be made of it: an
    /// archive may accept several syntaxes of one class only in contexts of their own.
    static func batches(_ instances: [StorableInstance]) -> [StoreBatch] {
        var batches: [StoreBatch] = []
        var pairs: Set<Pair> = []
        var services: [AssociationProposal.Service] = []
        var current: [StorableInstance] = []
        for instance in instances {
            let pair = Pair(sopClass: instance.sopClassUID, transferSyntax: instance.transferSyntax)
            if !pairs.contains(pair) {
                let new = self.services(pair, beside: pairs)
                if services.count + new.count > AssociationProposal.maximumContexts {
                    batches.append(StoreBatch(instances: current, services: services))
                    (pairs, services, current) = ([], [], [])
                    services += self.services(pair, beside: [])
                } else {
                    services += new
                }
                pairs.insert(pair)
            }
            current.append(instance)
        }
        if !current.isEmpty { batches.append(StoreBatch(instances: current, services: services)) }
        return batches
    }

    private static func services(_ pair: Pair, beside pairs: Set<Pair>) -> [AssociationProposal.Service] {
        let native = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        var services = [AssociationProposal.Service(pair.sopClass, [pair.transferSyntax])]
        guard !pairs.contains(where: { $0.sopClass == pair.sopClass }) else { return services }
        for syntax in native where syntax != pair.transferSyntax {
            services.append(AssociationProposal.Service(pair.sopClass, [syntax]))
        }
        return services
    }
}
