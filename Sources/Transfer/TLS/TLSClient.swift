// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOSSL
import Synchronization

/// The client side of TLS towards one peer; its files may change, see `TLSWatch`.
package final class TLSClient: Sendable, TLSReloadable {
    private struct State {
        var context: NIOSSLContext
        var verifier: PeerVerifier
        var credentials: TLSCredentials?
    }

    package let section: String
    private let settings: TLSClientSettings
    private let responders: OCSPResponders?
    private let journal: TransferJournal
    private let intermediates: SeenIntermediates
    private let state: Mutex<State>

    /// `section` names it in the journal: "dicom.peers.PACS".
    package init(
        _ settings: TLSClientSettings,
        section: String,
        responders: OCSPResponders? = nil,
        journal: TransferJournal
    ) throws {
        self.settings = settings
        self.section = section
        self.responders = responders
        self.journal = journal
        let intermediates = SeenIntermediates()
        self.intermediates = intermediates
        state = Mutex(try Self.load(settings, responders, intermediates))
    }

    package var paths: [String] {
        let own = settings.credentials.map { [$0.certificate, $0.privateKey] } ?? []
        return [settings.authorities] + own + (settings.revocation?.crls ?? [])
    }

    package var certificates: [(subject: String, notValidAfter: Int64)] {
        state.withLock { $0.credentials }.map { [($0.subject, $0.notValidAfter)] } ?? []
    }

    package func load() throws {
        let new = try Self.load(settings, responders, intermediates)
        state.withLock { $0 = new }
    }

    /// Puts TLS at the head of a channel to the peer, connected or not yet; on its event loop. A failed handshake
    /// comes down the pipeline as an error and closes the channel.
    func configure(_ channel: any Channel) throws {
        let (context, verifier) = state.withLock { ($0.context, $0.verifier) }
        let box = SSLHandlerBox()
        let peer = TLSPeerHandler(section: section, serverName: nil, verifier: verifier, journal: journal) {
            box.handler
        }
        let name = settings.serverName
        let isAddress = name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
        let eventLoop = channel.eventLoop
        let ssl = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name) {
            peer.verify($0, on: eventLoop, $1)
        }
        box.handler = ssl
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(peer, position: .first)
        try pipeline.addHandler(ssl, position: .before(peer))
    }

    private static func load(
        _ settings: TLSClientSettings,
        _ responders: OCSPResponders?,
        _ intermediates: SeenIntermediates
    ) throws -> State {
        let authorities = try TLSAuthorities(file: settings.authorities)
        let credentials = try settings.credentials.map { files in try TLSCredentials(files) }
        let revocation = try settings.revocation.map { try RevocationChecker($0, responders: responders) }
        return State(
            context: try TLSProfile.client(
                minimumVersion: settings.minimumVersion,
                authorities: authorities,
                credentials: credentials
            ),
            verifier: PeerVerifier(
                authorities: authorities.parsed,
                purpose: .server(name: settings.serverName),
                revocation: revocation,
                intermediates: intermediates
            ),
            credentials: credentials
        )
    }
}
