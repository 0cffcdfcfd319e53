// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux

/// The body of a WADO-RS response whose length nobody knows beforehand: first the instances that are here, then each that
/// comes, and those brought into another transfer syntax that have to be.
struct ArrivingParts: AsyncSequence, Sendable {
    typealias Element = HTTPBodyPart
    typealias Failure = any Error

    let resource: DICOMwebRoute.Resource
    let kept: [RetrievableInstance]
    /// Nil: nothing is on its way.
    let arriving: ArrivingInstances?
    let representation: Representation
    let multipart: MultipartRelated
    let catalogue: any InstanceCatalogue
    let scope: RetrieveScope?

    struct Iterator: AsyncIteratorProtocol {
        private let parts: ArrivingParts
        private var instances: Instances.Iterator
        private var isFirst = true
        private var hasEnded = false
        private var position = 0
        /// The kept instance that is wanted next, on its way through the codec while the last one is sent.
        private var ahead: Task<RetrievableInstance, any Error>?
        private var failure: (any Error)?
        /// The rest of the instance whose first bytes have gone.
        private var rest: HTTPBodyPart?

        init(_ parts: ArrivingParts) {
            self.parts = parts
            instances = parts.instances.makeAsyncIterator()
        }

        /// What cannot be sent is left out, and the response then ends without its closing boundary: the reader has
        /// everything else, and knows that it is not all.
        mutating func next() async throws -> HTTPBodyPart? {
            if let rest {
                self.rest = nil
                return rest
            }
            guard !hasEnded else { return nil }
            while let stored = try await instances.next() {
                let instance: RetrievableInstance
                let pieces: RetrievedPieces
                do {
                    instance = try await represented(stored)
                    pieces = try parts.scope?.pieces(of: instance) ?? RetrievedPieces(instance.file)
                } catch {
                    failure = failure ?? error
                    continue
                }
                defer { isFirst = false }
                let head = parts.multipart.partHeader(
                    isFirst: isFirst,
                    transferSyntax: instance.transferSyntax,
                    contentLength: Int(pieces.length)
                )
                rest = pieces.second.map { HTTPBodyPart(head: $0.bytes, extent: $0.extent) }
                return HTTPBodyPart(head: head, extent: pieces.first)
            }
            hasEnded = true
            if let failure { throw failure }
            return HTTPBodyPart(head: parts.multipart.closing, extent: nil)
        }

        private mutating func represented(_ stored: RetrievableInstance) async throws -> RetrievableInstance {
            let (representation, started) = (parts.representation, ahead)
            position += 1
            ahead = nil
            if position < parts.kept.count {
                let next = parts.kept[position]
                if representation.syntax(stored: next.transferSyntax) != next.transferSyntax {
                    ahead = Task { try await representation.represent(next) }
                }
            }
            if let started { return try await started.value }
            return try await representation.represent(stored)
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(self) }

    var instances: Instances { Instances(parts: self) }

    /// The instances themselves, looked up when their turn comes: a slow reader keeps none of them in the spool.
    struct Instances: AsyncSequence {
        typealias Element = RetrievableInstance
        typealias Failure = any Error

        let parts: ArrivingParts

        struct Iterator: AsyncIteratorProtocol {
            let parts: ArrivingParts
            var next = 0
            var uids: AsyncThrowingStream<UID, any Error>.Iterator?

            mutating func next() async throws -> RetrievableInstance? {
                if next < parts.kept.count {
                    defer { next += 1 }
                    return parts.kept[next]
                }
                guard let arriving = parts.arriving else { return nil }
                var iterator = uids ?? arriving.uids().makeAsyncIterator()
                let uid = try await iterator.next()
                uids = iterator
                guard let uid else { return nil }
                let resource = DICOMwebRoute.Resource(
                    study: parts.resource.study,
                    series: parts.resource.series,
                    instance: uid
                )
                guard let instance = try parts.catalogue.instances(of: resource).first else {
                    throw ArrivingInstances.Incomplete(
                        missing: 1,
                        reason: "it was evicted before it was sent"
                    )
                }
                return instance
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(parts: parts) }
    }
}
