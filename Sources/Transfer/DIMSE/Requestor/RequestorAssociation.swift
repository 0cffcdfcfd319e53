// SPDX-License-Identifier: Apache-2.0
import DICOM
import NIOCore

/// An open association that we asked for, usable from anywhere; its work is done on its loop.
final class RequestorAssociation: Sendable {
    let agreement: NegotiatedAssociation
    let channel: any Channel
    private let bound: NIOLoopBound<(RequestorHandler, ChannelHandlerContext)>

    init(
        agreement: NegotiatedAssociation,
        channel: any Channel,
        bound: NIOLoopBound<(RequestorHandler, ChannelHandlerContext)>
    ) {
        self.agreement = agreement
        self.channel = channel
        self.bound = bound
    }

    struct Response: Sendable {
        let response: DIMSEResponse
        let identifier: DataSet?
    }

    /// The context accepted for `abstractSyntax`.
    func context(for abstractSyntax: UID) throws(AssociationError) -> (id: UInt8, transferSyntax: UID) {
        let found = agreement.contexts.filter { $0.value.abstractSyntax == abstractSyntax }
            .min { $0.key < $1.key }
        guard let found else { throw .noPresentationContext(abstractSyntax: abstractSyntax) }
        return (found.key, found.value.transferSyntax)
    }

    /// Sends a request and passes on its responses, the last of which is not pending; then the stream ends.
    /// Ending the iteration early cancels the request (C-CANCEL); the association stays usable once
    /// the peer has confirmed.
    func exchange(
        _ name: String,
        abstractSyntax: UID,
        identifier: DataSet? = nil,
        messageID: UInt16? = nil,
        _ command: @escaping @Sendable (UInt16) -> CommandSet
    ) throws(AssociationError) -> AsyncThrowingStream<Response, any Error> {
        let (contextID, syntax) = try context(for: abstractSyntax)
        let bytes = identifier?.encode(transferSyntax: syntax)
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: Response.self)
        let bound = bound
        channel.eventLoop.execute {
            let (handler, context) = bound.value
            let id = handler.perform(
                command,
                identifier: bytes,
                contextID: contextID,
                messageID: messageID,
                RequestorHandler.Exchange(
                    name: name,
                    onResponse: { response, bytes in
                        do {
                            let dataSet = try bytes.map { bytes in
                                try DataSet(decoding: bytes, transferSyntax: syntax)
                            }
                            continuation.yield(Response(response: response, identifier: dataSet))
                        } catch {
                            continuation.finish(throwing: AssociationError.protocolViolation("\(error)"))
                        }
                    },
                    onEnd: { error in continuation.finish(throwing: error) }
                ),
                context
            )
            continuation.onTermination = { reason in
                guard case .cancelled = reason else { return }
                bound.execute { handler, context in handler.cancel(id, contextID: contextID, context) }
            }
        }
        return stream
    }

    /// Sends C-CANCEL for all that is under way; responses go on until the peer ends them.
    func cancel(_ messageID: UInt16, abstractSyntax: UID) {
        guard let (contextID, _) = try? context(for: abstractSyntax) else { return }
        bound.execute { handler, context in handler.cancel(messageID, contextID: contextID, context) }
    }

    /// Sends instances until `queue` is empty and all are answered.
    func drain(_ queue: StoreQueue) async throws {
        let bound = bound
        try await channel.eventLoop.flatSubmit {
            let (handler, context) = bound.value
            return handler.drain(queue, context)
        }.get()
    }

    func noteProgress() {
        bound.execute { handler, _ in handler.noteProgress() }
    }

    /// A-RELEASE, and the end of the connection.
    func release() async {
        let bound = bound
        try? await channel.eventLoop.flatSubmit {
            let (handler, context) = bound.value
            return handler.release(context)
        }.get()
        try? await channel.closeFuture.get()
    }

    func abort(_ reason: AssociationError = .cancelled) {
        bound.execute { handler, context in handler.abort(reason, context) }
    }
}

extension NIOLoopBound<(RequestorHandler, ChannelHandlerContext)> {
    fileprivate func execute(_ body: @escaping @Sendable (RequestorHandler, ChannelHandlerContext) -> Void) {
        eventLoop.execute {
            let (handler, context) = value
            body(handler, context)
        }
    }
}
