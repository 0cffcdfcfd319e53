// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux

/// The files that wpa_supplicant(8) reads, one for each port with IEEE 802.1X, and what it says of its port.
enum PortAuthenticator {
    private static let (prefix, suffix) = ("8021x-", ".conf")

    static func fileName(_ port: String) -> String { prefix + port + suffix }

    /// The port that a file of ours is about; nil where it is another file.
    static func port(ofFile name: String) -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return String(name.dropFirst(prefix.count).dropLast(suffix.count))
    }

    /// wpa_supplicant.conf(5), without its control directory.
    static func configuration(_ port: PortAuthentication) -> String {
        var lines = [
            "key_mgmt=IEEE8021X",
            "eap=TLS",
            "eapol_flags=0",
            "phase1=\"tls_disable_tlsv1_0=1 tls_disable_tlsv1_1=1\"",
            "identity=\(value(port.identity))",
            "ca_cert=\(value(port.authorities))",
            "client_cert=\(value(port.certificate))",
            "private_key=\(value(port.privateKey))",
        ]
        if let server = port.server { lines.append("domain_match=\(value(server))") }
        return "eapol_version=2\nap_scan=0\nnetwork={\n" + lines.map { "  \($0)\n" }.joined() + "}\n"
    }

    /// In quotes where that is one value whatever it holds; else its bytes in hexadecimal.
    private static func value(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
        return isPlain ? "\"\(text)\"" : Array(text.utf8).hexadecimal
    }

    /// Whether `wpa_cli status` says that the port is open.
    static func isAuthorized(_ status: String) -> Bool {
        status.split(separator: "\n").contains("suppPortStatus=Authorized")
    }
}
