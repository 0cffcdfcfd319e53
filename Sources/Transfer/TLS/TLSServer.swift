// SPDX-License-Identifier: Apache-2.0
import Linux
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization

/// The server side of TLS on one section's ports. Its files may change while it serves: `reload()` takes them up
/// for new connections, those that stand go on as they were made.
package final class TLSServer: Sendable, TLSReloadable {
    private struct Files {
        let strict: TLSCredentials
        let open: [String: TLSCredentials]
        let authorities: TLSAuthorities?
        let revocation: RevocationChecker?
    }

    private struct State {
        var files: Files
        var strict: NIOSSLContext
        var open: [String: NIOSSLContext]
        var verifier: PeerVerifier?
    }

    package let section: String
    private let settings: TLSServerSettings
    private let responders: OCSPResponders?
    private let journal: TransferJournal
    private let intermediates = SeenIntermediates()
    private let credentials: CredentialsBox
    private let state: Mutex<State>

    /// `section` names it in the journal: "dicom", "web".
    package init(
        _ settings: TLSServerSettings,
        section: String,
        responders: OCSPResponders? = nil,
        journal: TransferJournal
    ) throws {
        self.settings = settings
        self.section = section
        self.responders = responders
        self.journal = journal
        let files = try Self.load(settings, responders)
        let credentials = CredentialsBox(strict: files.strict, open: files.open)
        self.credentials = credentials
        let contexts = try Self.contexts(settings, files.authorities, credentials)
        state = Mutex(
            State(
                files: files,
                strict: contexts.strict,
                open: contexts.open,
                verifier: Self.verifier(files, intermediates)
            )
        )
    }

    package var paths: [String] {
        var paths = [settings.credentials.certificate, settings.credentials.privateKey]
        for files in settings.openNames.values { paths += [files.certificate, files.privateKey] }
        if let authorities = settings.clientAuthorities { paths.append(authorities) }
        return paths + (settings.revocation?.crls ?? [])
    }

    package var certificates: [(subject: String, notValidAfter: Int64)] {
        let files = state.withLock { $0.files }
        return ([files.strict] + files.open.values).map { ($0.subject, $0.notValidAfter) }
    }

    /// Reads all files anew. The contexts, and with them the sessions that clients may resume, stay unless the
    /// authorities changed.
    package func load() throws {
        let files = try Self.load(settings, responders)
        let former = state.withLock { $0.files.authorities }
        let isSame = former?.certificates == files.authorities?.certificates
        let contexts = isSame ? nil : try Self.contexts(settings, files.authorities, credentials)
        credentials.replace(strict: files.strict, open: files.open)
        state.withLock { state in
            state.files = files
            state.verifier = Self.verifier(files, intermediates)
            if let contexts { (state.strict, state.open) = contexts }
        }
    }

    /// Puts TLS at the channel's head; the server name chooses the policy where there is a choice.
    func configure(_ channel: any Channel) throws {
        guard !settings.openNames.isEmpty else {
            try addHandlers(channel, serverName: nil, position: .first)
            return
        }
        let sni = ByteToMessageHandler(
            SNIHandler { [self] result in
                channel.eventLoop.makeCompletedFuture {
                    var name: String?
                    if case .hostname(let hostname) = result { name = hostname.lowercased() }
                    let handler = try channel.pipeline.syncOperations.handler(
                        type: ByteToMessageHandler<SNIHandler>.self
                    )
                    try addHandlers(channel, serverName: name, position: .after(handler))
                }
            }
        )
        try channel.pipeline.syncOperations.addHandler(sni, position: .first)
    }

    private func addHandlers(
        _ channel: any Channel,
        serverName: String?,
        position: ChannelPipeline.SynchronousOperations.Position
    ) throws {
        let (context, verifier) = state.withLock { state in
            if let serverName, let open = state.open[serverName] {
                return (open, nil as PeerVerifier?)
            }
            return (state.strict, state.verifier)
        }
        let box = SSLHandlerBox()
        let peer = TLSPeerHandler(
            section: section,
            serverName: serverName,
            verifier: verifier,
            journal: journal
        ) { box.handler }
        let eventLoop = channel.eventLoop
        let ssl =
            verifier == nil
            ? NIOSSLServerHandler(context: context)
            : NIOSSLServerHandler(context: context) { peer.verify($0, on: eventLoop, $1) }
        box.handler = ssl
        let pipeline = channel.pipeline.syncOperations
        // The TLS handler begins the handshake when it is added: its reader stands there before.
        try pipeline.addHandler(peer, position: position)
        try pipeline.addHandler(ssl, position: .before(peer))
    }

    // MARK: Files

    private static func load(
        _ settings: TLSServerSettings,
        _ responders: OCSPResponders?
    ) throws(TLSFileError) -> Files {
        var open: [String: TLSCredentials] = [:]
        for (name, files) in settings.openNames { open[name.lowercased()] = try TLSCredentials(files) }
        var authorities: TLSAuthorities?
        if let path = settings.clientAuthorities { authorities = try TLSAuthorities(file: path) }
        var revocation: RevocationChecker?
        if let wanted = settings.revocation {
            revocation = try RevocationChecker(wanted, responders: responders)
        }
        return Files(
            strict: try TLSCredentials(settings.credentials),
            open: open,
            authorities: authorities,
            revocation: revocation
        )
    }

    private static func contexts(
        _ settings: TLSServerSettings,
        _ authorities: TLSAuthorities?,
        _ credentials: CredentialsBox
    ) throws -> (strict: NIOSSLContext, open: [String: NIOSSLContext]) {
        let version = settings.minimumVersion
        let strict = try TLSProfile.server(minimumVersion: version, authorities: authorities) {
            credentials.strict
        }
        var open: [String: NIOSSLContext] = [:]
        for name in settings.openNames.keys.map({ $0.lowercased() }) {
            open[name] = try TLSProfile.server(minimumVersion: version, authorities: nil) {
                credentials.open(name)
            }
        }
        return (strict, open)
    }

    private static func verifier(_ files: Files, _ intermediates: SeenIntermediates) -> PeerVerifier? {
        files.authorities.map {
            PeerVerifier(
                authorities: $0.parsed,
                purpose: .client,
                revocation: files.revocation,
                intermediates: intermediates
            )
        }
    }
}

/// What contexts show in the next handshake.
private final class CredentialsBox: Sendable {
    private let current: Mutex<(strict: TLSCredentials, open: [String: TLSCredentials])>

    init(strict: TLSCredentials, open: [String: TLSCredentials]) {
        current = Mutex((strict, open))
    }

    var strict: TLSCredentials { current.withLock { $0.strict } }

    func open(_ name: String) -> TLSCredentials {
        current.withLock { $0.open[name] ?? $0.strict }
    }

    func replace(strict: TLSCredentials, open: [String: TLSCredentials]) {
        current.withLock { $0 = (strict, open) }
    }
}

/// The TLS handler and the one behind it know each other; the pipeline owns both.
final class SSLHandlerBox {
    weak var handler: NIOSSLHandler?
}
