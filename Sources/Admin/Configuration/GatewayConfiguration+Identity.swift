// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// An OpenID provider that signs people in, and as whom it knows us.
    package struct IdentityProvider: Equatable, Sendable {
        /// As tokens name it.
        package let issuer: String
        /// Where the provider describes itself (OpenID Connect Discovery 4).
        package let discovery: String
        /// What is asked for when people sign in.
        package let scope: String
        /// How strongly they must have proved who they are.
        package let acrValues: String
        /// ID tokens that only the provider can check (HS256 with a key of its own) are believed where they came from its
        /// token endpoint (OpenID Connect Core 3.1.3.7).
        package let trustsTokenEndpointForHS256: Bool
        /// Who may have signed the provider's certificate.
        package let authorities: String
        package let proxy: ListenAddress?
        package let clientID: String
        /// Shown to the provider; where they are absent there is a secret.
        package let credentials: Credentials?
        /// A file that holds the secret and nothing else: for providers that ask for one.
        package let clientSecretFile: String?
        package let timeoutSeconds: Int
        /// Where it stands in the configuration.
        package let path: String
    }

    /// Who signs professionals in, and says whether their tokens are good.
    package struct ProSanteConnect: Equatable, Sendable {
        package let provider: IdentityProvider
        package let introspection: String
    }

    /// Whose boxes may ask for images (« liste blanche DRIM-M »).
    package struct WhiteList: Equatable, Sendable {
        /// Where the newest list is put: one of the credentials, or an absolute path, which it is with `url`.
        package let file: String
        /// Where it is fetched from every day; somebody else puts it in its place where it is absent.
        package let url: String?
        /// Who may have signed the certificate of `url`'s server; the system's authorities where it is absent.
        package let urlAuthorities: String?
        package let proxy: ListenAddress?
        /// Who may have signed the signer's certificate: roots or intermediates.
        package let authorities: String
        package let crls: [String]
        /// A distinguished name with one CN and one OU; the agency's where it is absent.
        package let signer: String?
    }
}

extension GatewayConfiguration.WhiteList {
    init(reading object: ConfigurationReader) {
        var reader = object
        file = reader.string("file", .certificateFile)
        url = reader.optionalString("url", .serviceURL)
        if url != nil, !file.hasPrefix("/") {
            reader.note(
                "file",
                found: "\"\(file)\"",
                expected: "an absolute path: the gateway writes what it fetches"
            )
        }
        urlAuthorities = reader.optionalString("urlAuthorities", .pemFile)
        proxy = reader.address("proxy")
        authorities = reader.string("authorities", .pemFile)
        crls = reader.strings("crls", .certificateFile, count: 0...16)
        signer = reader.optionalString("signer", .text)
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "file": .string(file),
            "url": url.map(JSONValue.string) ?? .null,
            "urlAuthorities": urlAuthorities.map(JSONValue.string) ?? .null,
            "proxy": proxy.map { .string($0.description) } ?? .null,
            "authorities": .string(authorities),
            "crls": .array(crls.map(JSONValue.string)),
            "signer": signer.map(JSONValue.string) ?? .null,
        ])
    }
}

extension GatewayConfiguration.IdentityProvider {
    /// What a provider is like that says nothing else of itself.
    struct Standards {
        var discovery: String
        var scope: String
        var acrValues: String
    }

    init(_ reader: inout ConfigurationReader, standards: Standards) {
        path = reader.path
        issuer = reader.string("issuer", .serviceURL)
        discovery = reader.optionalString("discovery", .serviceURL) ?? issuer + standards.discovery
        scope = reader.optionalString("scope", .text) ?? standards.scope
        acrValues = reader.optionalString("acrValues", .text) ?? standards.acrValues
        trustsTokenEndpointForHS256 = reader.boolean("trustsTokenEndpointForHS256", default: false)
        authorities = reader.string("authorities", .pemFile)
        proxy = reader.address("proxy")
        clientID = reader.string("clientID", .text)
        credentials = reader.optionalObject("credentials")
            .map(GatewayConfiguration.Credentials.init(reading:))
        clientSecretFile = reader.optionalString("clientSecretFile", .certificateFile)
        timeoutSeconds = reader.integer("timeoutSeconds", in: 1...120, default: 10)
        if (credentials == nil) == (clientSecretFile == nil) {
            reader.note(
                "credentials",
                found: credentials == nil ? "nothing" : "both",
                expected: "either credentials or clientSecretFile"
            )
        }
    }

    var members: [String: JSONValue] {
        [
            "issuer": .string(issuer),
            "discovery": .string(discovery),
            "scope": .string(scope),
            "acrValues": .string(acrValues),
            "trustsTokenEndpointForHS256": .bool(trustsTokenEndpointForHS256),
            "authorities": .string(authorities),
            "proxy": proxy.map { .string($0.description) } ?? .null,
            "clientID": .string(clientID),
            "credentials": credentials?.json ?? .null,
            "clientSecretFile": clientSecretFile.map(JSONValue.string) ?? .null,
            "timeoutSeconds": .integer(timeoutSeconds),
        ]
    }
}

extension GatewayConfiguration.ProSanteConnect {
    init(reading object: ConfigurationReader) {
        var reader = object
        provider = GatewayConfiguration.IdentityProvider(
            &reader,
            standards: .init(
                discovery: "/.well-known/wallet-openid-configuration",
                scope: "openid scope_all",
                acrValues: "eidas1"
            )
        )
        introspection =
            reader.optionalString("introspection", .serviceURL)
            ?? provider.issuer + "/protocol/openid-connect/token/introspect"
        reader.finish()
    }

    var json: JSONValue {
        .object(provider.members.merging(["introspection": .string(introspection)]) { $1 })
    }
}
