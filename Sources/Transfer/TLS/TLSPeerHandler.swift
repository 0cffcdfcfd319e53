// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind the TLS handler of one connection: has the peer's certificate verified, holds back what it sends
/// until that is done, and tells why a handshake failed.
final class TLSPeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case handshaking
        /// Of a resumed session: the handshake is over, the certificate is being verified anew.
        case verifying([ByteBuffer])
        case established
        case failed
    }

    /// Nil before the handshake is over, and where no certificate was asked for.
    private(set) var certificate: PeerCertificate?
    /// What the client called us (RFC 6066 3).
    let serverName: String?

    private let section: String
    private let verifier: PeerVerifier?
    private let journal: TransferJournal?
    private let ssl: () -> NIOSSLHandler?
    private var refusal: PeerRefusal?
    private var state = State.handshaking
    private var heldCompletion: TLSUserEvent?

    /// `ssl` gives the TLS handler in front of this one.
    init(
        section: String,
        serverName: String?,
        verifier: PeerVerifier?,
        journal: TransferJournal?,
        ssl: @escaping () -> NIOSSLHandler?
    ) {
        self.section = section
        self.serverName = serverName
        self.verifier = verifier
        self.journal = journal
        self.ssl = ssl
    }

    /// That of a channel with TLS; on its event loop.
    static func of(_ channel: any Channel) -> TLSPeerHandler? {
        try? channel.pipeline.syncOperations.handler(type: TLSPeerHandler.self)
    }

    /// For the TLS handler's verification callback; on the event loop.
    func verify(
        _ presented: [NIOSSLCertificate],
        on eventLoop: any EventLoop,
        _ promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        guard let verifier else {
            promise.succeed(.failed)
            return
        }
        let chain = presented.compactMap { try? $0.toDERBytes() }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        Task {
            let result = await verifier.verify(chain)
            eventLoop.execute {
                promise.succeed(bound.value.take(result) ? .certificateVerified : .failed)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted = event as? TLSUserEvent, case .handshaking = state else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        guard verifier != nil, certificate == nil else {
            state = .established
            context.fireUserInboundEventTriggered(event)
            return
        }
        heldCompletion = event as? TLSUserEvent
        verifyResumed(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .verifying(var held):
            held.append(unwrapInboundIn(data))
            state = .verifying(held)
        case .failed: break
        case .handshaking, .established: context.fireChannelRead(data)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failed(refusal?.description ?? TLSFailure.reason(of: error), context)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        failed(refusal?.description ?? "connection closed before the handshake ended", context)
        context.fireChannelInactive()
    }

    // MARK: Verification

    /// A resumed session skips the callback; what was revoked since must not come in by it.
    private func verifyResumed(_ context: ChannelHandlerContext) {
        guard let verifier, let leaf = ssl()?.peerCertificate, let der = try? leaf.toDERBytes() else {
            refusal = PeerRefusal("no certificate")
            refuse(context)
            return
        }
        state = .verifying([])
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        Task {
            let result = await verifier.verify([der])
            eventLoop.execute {
                let (handler, context) = bound.value
                handler.take(result) ? handler.release(context) : handler.refuse(context)
            }
        }
    }

    private func take(_ result: Result<PeerVerifier.Acceptance, PeerRefusal>) -> Bool {
        switch result {
        case .success(let acceptance):
            certificate = acceptance.certificate
            if let reason = acceptance.unknownRevocation {
                let fingerprint = acceptance.certificate.fingerprint
                journal?.record(
                    .tlsRevocationUnknown(section: section, fingerprint: fingerprint, reason: reason)
                )
            }
            return true
        case .failure(let refusal):
            self.refusal = refusal
            return false
        }
    }

    private func release(_ context: ChannelHandlerContext) {
        guard case .verifying(let held) = state else { return }
        state = .established
        if let event = heldCompletion.take() { context.fireUserInboundEventTriggered(event) }
        for buffer in held { context.fireChannelRead(wrapInboundOut(buffer)) }
        if !held.isEmpty { context.fireChannelReadComplete() }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    private func refuse(_ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        failed(refusal?.description ?? "certificate refused", context)
        context.close(promise: nil)
    }

    /// Once per connection, and never after the handshake.
    private func failed(_ reason: String, _ context: ChannelHandlerContext) {
        switch state {
        case .handshaking, .verifying: break
        case .established, .failed: return
        }
        state = .failed
        let peer = context.remoteAddress.map(Self.display) ?? "unknown"
        journal?.record(.tlsHandshakeFailed(section: section, peer: peer, reason: reason))
    }

    private static func display(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? ""
        return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
    }
}

/// BoringSSL's reasons in the journal's words.
enum TLSFailure {
    private static let words: [(String, String)] = [
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "no certificate"),
        ("UNSUPPORTED_PROTOCOL", "protocol version not served"),
        ("NO_SHARED_CIPHER", "no cipher suite in common"),
        ("HTTP_REQUEST", "plain HTTP instead of TLS"),
        ("WRONG_VERSION_NUMBER", "no TLS"),
        ("INVALID_OUTER_RECORD_TYPE", "no TLS"),
        ("UNKNOWN_CA", "the peer does not trust our certificate: unknown CA"),
        ("CERTIFICATE_EXPIRED", "the peer finds our certificate expired"),
        ("CERTIFICATE_REVOKED", "the peer finds our certificate revoked"),
        ("BAD_CERTIFICATE", "the peer refuses our certificate"),
        ("CERTIFICATE_UNKNOWN", "the peer refuses our certificate"),
        ("CERTIFICATE_REQUIRED", "the peer demands a certificate of us"),
        ("ALERT_HANDSHAKE_FAILURE", "the peer finds nothing in common"),
        ("ALERT_PROTOCOL_VERSION", "the peer does not speak our protocol versions"),
        ("CERTIFICATE_VERIFY_FAILED", "certificate refused"),
        ("EOF during handshake", "connection closed before the handshake ended"),
    ]

    static func reason(of error: any Error) -> String {
        let text = "\(error)"
        if let known = words.first(where: { text.contains($0.0) }) { return known.1 }
        if case .uncleanShutdown = error as? NIOSSLError {
            return "connection closed before the handshake ended"
        }
        return error is IOError ? "connection lost" : "\(text.prefix(200))"
    }
}
