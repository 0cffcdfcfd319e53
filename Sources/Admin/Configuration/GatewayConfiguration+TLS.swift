// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// A certificate with its chain, leaf first, and its private key: PEM files, absolute or below
    /// `credentialsDirectory`.
    package struct Credentials: Equatable, Sendable {
        package let certificate: String
        package let privateKey: String
    }

    package enum TLSVersion: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// How it is found out that a peer's certificate was revoked (RFC 5280 5, RFC 6960).
    package struct Revocation: Equatable, Sendable {
        /// Certificate revocation lists, PEM or DER.
        package let crls: [String]
        /// The responder that the certificate names is asked.
        package let ocsp: Bool
        /// A list or an answer counts for so long after its nextUpdate.
        package let graceSeconds: Int
        /// A certificate of which nothing can be found out is refused.
        package let isRequired: Bool
    }

    package struct ServerTLS: Equatable, Sendable {
        package let credentials: Credentials
        /// Whose certificates clients must show; no certificate is asked for where it is absent.
        package let clientAuthorities: String?
        package let minimumVersion: TLSVersion
        package let revocation: Revocation?
    }

    package struct WebTLS: Equatable, Sendable {
        /// For `databaseHost`, and for clients that name no host or an unknown one.
        package let server: ServerTLS
        /// For `viewerHost`; those of the server where it is absent.
        package let viewer: Credentials?
    }

    package struct PeerTLS: Equatable, Sendable {
        /// Who may have signed the peer's certificate.
        package let authorities: String
        /// What we show when the peer asks for a certificate.
        package let credentials: Credentials?
        /// The name that the certificate must have; the peer's `host` where it is absent.
        package let serverName: String?
        package let minimumVersion: TLSVersion
        package let revocation: Revocation?
    }

    /// Where a file of the document is: a relative name is below `credentialsDirectory`.
    package func path(of file: String) -> String {
        file.hasPrefix("/") ? file : "\(credentialsDirectory)/\(file)"
    }
}

extension GatewayConfiguration.Credentials {
    fileprivate init(_ reader: inout ConfigurationReader) {
        certificate = reader.string("certificate", .pemFile)
        privateKey = reader.string("privateKey", .keyFile)
    }

    init(reading object: ConfigurationReader) {
        var reader = object
        self.init(&reader)
        reader.finish()
    }

    var json: JSONValue { .object(members) }

    fileprivate var members: [String: JSONValue] {
        ["certificate": .string(certificate), "privateKey": .string(privateKey)]
    }
}

extension GatewayConfiguration.Revocation {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        crls = reader.strings("crls", .certificateFile, count: 0...64)
        ocsp = reader.boolean("ocsp", default: false)
        graceSeconds = reader.integer("graceSeconds", in: 0...2_592_000, default: 0)
        isRequired = reader.boolean("required", default: true)
        reader.finish()
        if crls.isEmpty, !ocsp {
            reader.note("crls", found: "no list and no OCSP", expected: "a list, or \"ocsp\": true")
        }
    }

    fileprivate var json: JSONValue {
        .object([
            "crls": .array(crls.map(JSONValue.string)), "ocsp": .bool(ocsp),
            "graceSeconds": .integer(graceSeconds), "required": .bool(isRequired),
        ])
    }
}

extension GatewayConfiguration.ServerTLS {
    fileprivate init(_ reader: inout ConfigurationReader) {
        credentials = .init(&reader)
        clientAuthorities = reader.optionalString("clientAuthorities", .pemFile)
        minimumVersion = reader.choice("minimumVersion", default: .tls12, or: .tls12)
        revocation = reader.optionalObject("revocation").map(GatewayConfiguration.Revocation.init(reading:))
        if revocation != nil, clientAuthorities == nil {
            let expected = "null: no client certificate is asked for without clientAuthorities"
            reader.note("revocation", found: "an object", expected: expected)
        }
    }

    init(reading object: ConfigurationReader) {
        var reader = object
        self.init(&reader)
        reader.finish()
    }

    fileprivate var members: [String: JSONValue] {
        credentials.members.merging([
            "clientAuthorities": clientAuthorities.map(JSONValue.string) ?? .null,
            "minimumVersion": .string(minimumVersion.rawValue),
            "revocation": revocation?.json ?? .null,
        ]) { $1 }
    }

    var json: JSONValue { .object(members) }
}

extension GatewayConfiguration.WebTLS {
    init(reading object: ConfigurationReader) {
        var reader = object
        server = .init(&reader)
        viewer = reader.optionalObject("viewer").map(GatewayConfiguration.Credentials.init(reading:))
        reader.finish()
    }

    var json: JSONValue {
        .object(server.members.merging(["viewer": viewer.map { .object($0.members) } ?? .null]) { $1 })
    }
}

extension GatewayConfiguration.PeerTLS {
    init(reading object: ConfigurationReader) {
        var reader = object
        authorities = reader.string("authorities", .pemFile)
        let certificate = reader.optionalString("certificate", .pemFile)
        let privateKey = reader.optionalString("privateKey", .keyFile)
        switch (certificate, privateKey) {
        case (let certificate?, let privateKey?):
            credentials = .init(certificate: certificate, privateKey: privateKey)
        case (nil, nil):
            credentials = nil
        case (nil, _):
            credentials = nil
            reader.note("certificate", found: "nothing", expected: "the PEM file of privateKey's certificate")
        case (_, nil):
            credentials = nil
            reader.note("privateKey", found: "nothing", expected: "the PEM file of certificate's key")
        }
        serverName = reader.optionalString("serverName", .host)
        minimumVersion = reader.choice("minimumVersion", default: .tls12, or: .tls12)
        revocation = reader.optionalObject("revocation").map(GatewayConfiguration.Revocation.init(reading:))
        reader.finish()
    }

    var json: JSONValue {
        var members = credentials?.members ?? [:]
        members["authorities"] = .string(authorities)
        members["serverName"] = serverName.map(JSONValue.string) ?? .null
        members["minimumVersion"] = .string(minimumVersion.rawValue)
        members["revocation"] = revocation?.json ?? .null
        return .object(members)
    }
}

extension ConfigurationReader {
    mutating func credentials(_ key: String) -> GatewayConfiguration.Credentials {
        object(key).map(GatewayConfiguration.Credentials.init(reading:))
            ?? .init(certificate: "", privateKey: "")
    }
}

extension StringRule {
    static let certificateFile = StringRule(expected: "a PEM or DER file") { isFileName($0) ? $0 : nil }
    static let pemFile = StringRule(expected: "a PEM file") { isFileName($0) ? $0 : nil }

    fileprivate static let keyFile = StringRule(
        expected: "a PEM file: the gateway does not reach the TPM"
    ) { isFileName($0) ? $0 : nil }

    private static func isFileName(_ text: String) -> Bool {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        return isPlain && (1..<4096).contains(text.utf8.count) && !text.hasPrefix("tpm:")
    }
}
