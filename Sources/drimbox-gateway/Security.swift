// SPDX-License-Identifier: Apache-2.0
import Admin
import NIOSSL
import Synchronization
import Transfer

/// The TLS sides of the configuration, and the watch over their files.
final class Security: Sendable {
    private let configuration: GatewayConfiguration
    private let journal: TransferJournal
    private let responders = OCSPResponders()
    private let sides = Mutex<[any TLSReloadable]>([])

    init(_ configuration: GatewayConfiguration, journal: TransferJournal) {
        self.configuration = configuration
        self.journal = journal
    }

    /// Of the Storage SCP's ports; nil where they are plain text.
    func dicom() throws -> TLSServer? {
        try configuration.dicom.tls.map { try server($0, section: "dicom", openNames: [:]) }
    }

    /// Of the web ports: `viewerHost` asks for no client certificate.
    func web() throws -> TLSServer? {
        try configuration.web.tls.map { tls in
            var open: [String: TLSCredentialFiles] = [:]
            if let name = configuration.web.viewerHost {
                open[name] = files(tls.viewer ?? tls.server.credentials)
            }
            return try server(tls.server, section: "web", openNames: open)
        }
    }

    func client(_ tls: GatewayConfiguration.PeerTLS, of peer: GatewayConfiguration.Peer) throws -> TLSClient {
        let client = try TLSClient(
            settings(tls, serverName: peer.host),
            section: "dicom.peers.\(peer.aeTitle)",
            responders: responders,
            journal: journal
        )
        sides.withLock { $0.append(client) }
        return client
    }

    /// For requests to other boxes.
    func boxes() throws -> TLSConfiguration? {
        try configuration.boxes?.tls.map { try settings($0, serverName: "").httpConfiguration() }
    }

    /// Looks at the files until the task is cancelled.
    func watch() async {
        await TLSWatch(sides.withLock { $0 }, journal: journal).run()
    }

    func shutdown() async {
        await responders.shutdown()
    }

    private func server(
        _ tls: GatewayConfiguration.ServerTLS,
        section: String,
        openNames: [String: TLSCredentialFiles]
    ) throws -> TLSServer {
        let settings = TLSServerSettings(
            credentials: files(tls.credentials),
            clientAuthorities: tls.clientAuthorities.map(configuration.path(of:)),
            minimumVersion: version(tls.minimumVersion),
            revocation: revocation(tls.revocation),
            openNames: openNames
        )
        let server = try TLSServer(settings, section: section, responders: responders, journal: journal)
        sides.withLock { $0.append(server) }
        return server
    }

    private func settings(_ tls: GatewayConfiguration.PeerTLS, serverName: String) -> TLSClientSettings {
        TLSClientSettings(
            authorities: configuration.path(of: tls.authorities),
            credentials: tls.credentials.map(files),
            serverName: tls.serverName ?? serverName,
            minimumVersion: version(tls.minimumVersion),
            revocation: revocation(tls.revocation)
        )
    }

    private func files(_ credentials: GatewayConfiguration.Credentials) -> TLSCredentialFiles {
        TLSCredentialFiles(
            certificate: configuration.path(of: credentials.certificate),
            privateKey: configuration.path(of: credentials.privateKey)
        )
    }

    private func version(_ version: GatewayConfiguration.TLSVersion) -> TLSMinimumVersion {
        switch version {
        case .tls12: .tls12
        case .tls13: .tls13
        }
    }

    private func revocation(_ revocation: GatewayConfiguration.Revocation?) -> RevocationSettings? {
        revocation.map {
            RevocationSettings(
                crls: $0.crls.map(configuration.path(of:)),
                ocsp: $0.ocsp,
                graceSeconds: Int64($0.graceSeconds),
                isRequired: $0.isRequired
            )
        }
    }
}
