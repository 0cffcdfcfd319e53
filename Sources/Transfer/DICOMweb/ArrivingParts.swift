// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux

/// The body of a WADO-RS response while its instances arrive: first those that are here, then each that comes.
struct ArrivingParts: AsyncSequence, Sendable {
    typealias Element = HTTPBodyPart
    typealias Failure = any Error

    /// An instance that arrived and cannot be sent.
    struct Unacceptable: Error {}

    let resource: DICOMwebRoute.Resource
    let kept: [RetrievableInstance]
    let arriving: ArrivingInstances
    let acceptance: RetrieveAcceptance
    let multipart: MultipartRelated
    let catalogue: any InstanceCatalogue

    struct Iterator: AsyncIteratorProtocol {
        private let parts: ArrivingParts
        private var instances: Instances.Iterator
        private var isFirst = true
        private var hasEnded = false

        init(_ parts: ArrivingParts) {
            self.parts = parts
            instances = parts.instances.makeAsyncIterator()
        }

        mutating func next() async throws -> HTTPBodyPart? {
            guard !hasEnded else { return nil }
            guard let instance = try await instances.next() else {
                hasEnded = true
                return HTTPBodyPart(head: parts.multipart.closing, extent: nil)
            }
            guard parts.acceptance.accepts(transferSyntax: instance.transferSyntax) != nil else {
                throw Unacceptable()
            }
            defer { isFirst = false }
            let head = parts.multipart.partHeader(
                isFirst: isFirst,
                transferSyntax: instance.transferSyntax,
                contentLength: Int(instance.file.length)
            )
            return HTTPBodyPart(head: head, extent: instance.file)
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
                var iterator = uids ?? parts.arriving.uids().makeAsyncIterator()
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
