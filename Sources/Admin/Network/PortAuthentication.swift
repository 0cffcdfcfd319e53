// SPDX-License-Identifier: Apache-2.0

/// How an Ethernet port lets the box in where its switch asks for it: IEEE 802.1X with EAP-TLS (RFC 5216). Keys stay in files:
/// none is in the document.
package struct PortAuthentication: Equatable, Sendable {
    /// What the authentication server is told first, in clear text.
    package let identity: String
    /// PEM files: who may have signed the server's certificate; the box's chain, and its private key.
    package let authorities: String
    package let certificate: String
    package let privateKey: String
    /// A DNS name that the server's certificate must have.
    package let server: String?
}

extension PortAuthentication {
    init(reading object: ConfigurationReader) {
        var reader = object
        identity = reader.string("identity", .portIdentity)
        authorities = reader.string("authorities", .path)
        certificate = reader.string("certificate", .path)
        privateKey = reader.string("privateKey", .path)
        server = reader.optionalString("server", .host)
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "identity": .string(identity), "authorities": .string(authorities),
            "certificate": .string(certificate), "privateKey": .string(privateKey),
            "server": server.map(JSONValue.string) ?? .null,
        ])
    }
}

extension StringRule {
    /// A network access identifier (RFC 7542 2.2), or a name without a realm.
    fileprivate static let portIdentity = StringRule(
        expected: "1 to 253 printable characters of ASCII without a space"
    ) { text in
        (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            ? text : nil
    }
}
