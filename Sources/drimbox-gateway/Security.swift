// SPDX-License-Identifier: Apache-2.0
import Admin
import DMP
import Identity
import Linux
import NIOSSL
import Synchronization
import Transfer
import XML

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

    /// Of the ports for reports; nil where they are plain text.
    func hl7() throws -> TLSServer? {
        try configuration.hl7?.tls.map { try server($0, section: "hl7", openNames: [:]) }
    }

    /// Of the ports for the consumer's pages; nil where they are plain text.
    func consumer() throws -> TLSServer? {
        try configuration.consumer?.tls.map { try server($0, section: "consumer", openNames: [:]) }
    }

    /// A structure with its keys: one for its connections to the record, one for what it signs.
    func structure(
        _ structure: GatewayConfiguration.DMP.Structure,
        of dmp: GatewayConfiguration.DMP
    ) throws -> (client: HTTPSClient, structure: DMPStructure) {
        let settings = TLSClientSettings(
            authorities: configuration.path(of: dmp.authorities),
            credentials: files(structure.authentication),
            serverName: ""
        )
        let signature = files(structure.signature)
        let key: SigningKey
        do {
            key = try SigningKey(
                privateKeyPEM: try readFile(signature.privateKey, limit: 1 << 20),
                certificateChainPEM: try readFile(signature.certificate, limit: 1 << 20)
            )
        } catch {
            throw ConfigurationError(
                path: "dmp.structures[\(structure.identifiers.first ?? structure.name)].signature",
                found: "\(signature.certificate), \(signature.privateKey): \(error)",
                expected: "a certificate and its private key"
            )
        }
        let client = HTTPSClient(
            tls: try settings.httpConfiguration(),
            proxy: dmp.proxy.map { ($0.host, $0.port) },
            seconds: Int64(dmp.timeoutSeconds)
        )
        let value = DMPStructure(
            identifiers: structure.identifiers,
            name: structure.name,
            vihfIdentifier: structure.vihfIdentifier,
            sector: structure.sector,
            signature: key,
            post: { (body, contentType, url) throws(DMPStructure.Failure) in
                do throws(HTTPSClient.Failure) {
                    let answer = try await client.post(body, contentType: contentType, to: url)
                    return .init(
                        status: answer.status,
                        contentType: answer.contentType,
                        body: answer.body
                    )
                } catch {
                    if case .notConnected = error { throw .notSent("\(error)") }
                    throw .noAnswer("\(error)")
                }
            }
        )
        return (client, value)
    }

    /// For requests to an identity provider.
    func client(_ provider: GatewayConfiguration.IdentityProvider) throws -> HTTPSClient {
        let settings = TLSClientSettings(
            authorities: configuration.path(of: provider.authorities),
            credentials: provider.credentials.map(files),
            serverName: ""
        )
        return HTTPSClient(
            tls: try settings.httpConfiguration(),
            proxy: provider.proxy.map { ($0.host, $0.port) },
            seconds: Int64(provider.timeoutSeconds),
            limit: 1 << 20
        )
    }

    /// For fetching the white list; nil where nobody fetches it.
    func client(_ list: GatewayConfiguration.WhiteList) throws -> HTTPSClient? {
        guard list.url != nil else { return nil }
        let tls = try list.urlAuthorities.map { authorities in
            try TLSClientSettings(
                authorities: configuration.path(of: authorities),
                credentials: nil,
                serverName: ""
            ).httpConfiguration()
        }
        return HTTPSClient(
            tls: tls,
            proxy: list.proxy.map { ($0.host, $0.port) },
            seconds: 60,
            limit: KnownBoxes.longest
        )
    }

    /// The secret that an identity provider knows us by; nil where we show a certificate.
    func secret(_ provider: GatewayConfiguration.IdentityProvider) throws -> String? {
        guard let file = provider.clientSecretFile else { return nil }
        let text = String(decoding: try readFile(file, limit: 4096), as: UTF8.self)
        let secret = text.filter { !$0.isNewline }
        guard !secret.isEmpty else {
            throw ConfigurationError(
                path: "\(provider.path).clientSecretFile",
                found: "an empty file",
                expected: "a secret"
            )
        }
        return secret
    }

    /// Signs people in at a provider, by a client of `client(_:)`; `redirectURI` is where they are sent back to,
    /// `demandsACR` whether their token has to say how they proved who they are.
    func relyingParty(
        _ provider: GatewayConfiguration.IdentityProvider,
        _ client: HTTPSClient,
        redirectURI: String,
        demandsACR: Bool = false
    ) throws -> RelyingParty {
        let settings = RelyingParty.Settings(
            issuer: provider.issuer,
            discoveryURL: provider.discovery,
            clientID: provider.clientID,
            clientSecret: try secret(provider),
            scope: provider.scope,
            acrValues: provider.acrValues,
            demandsACR: demandsACR,
            redirectURI: redirectURI,
            trustsTokenEndpointForHS256: provider.trustsTokenEndpointForHS256
        )
        return RelyingParty(
            settings: settings,
            exchange: client.exchange,
            now: { WallClock.milliseconds() / 1000 },
            random: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
        )
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
