// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

private let server = """
    "certificate": "tls/chain.pem", "privateKey": "/etc/key.pem", "clientAuthorities": "ca.pem"
    """
private let revocation = """
    "revocation": { "crls": ["a.crl", "/b.pem"], "ocsp": true, "graceSeconds": 3600, "required": false }
    """

/// A document with these texts as members of `dicom`, its peer, `web` and `hl7`.
private func document(dicom: String = "", peer: String = "", web: String = "", hl7: String = "null") -> String
{
    """
    { "site": "S", "dataDirectory": "/d",
      "dicom": { "aeTitle": "A", "listen": ["0.0.0.0:2762"] \(dicom),
                 "peers": [{ "aeTitle": "P", "host": "pacs.example", "port": 2762 \(peer) }] },
      "web": { "listen": ["[::]:443"], "authorization": "none", "databaseHost": "db.example",
               "viewerHost": "vi.example" \(web) },
      "hl7": \(hl7) }
    """
}

private func read(_ text: String) throws -> GatewayConfiguration {
    try GatewayConfiguration(json: Array(text.utf8))
}

private func findings(_ text: String) -> [ConfigurationError.Finding] {
    do {
        _ = try read(text)
        return []
    } catch {
        return (error as? ConfigurationError)?.findings ?? []
    }
}

private let good = document(
    dicom: ", \"tls\": { \(server), \"minimumVersion\": \"1.3\", \(revocation) }",
    peer: """
        , "tls": { "authorities": "pacs-ca.pem", "certificate": "c.pem", "privateKey": "k.pem", \(revocation),
                   "serverName": "pacs" }
        """,
    web: ", \"tls\": { \(server), \"viewer\": { \"certificate\": \"vi.pem\", \"privateKey\": \"vi.key\" } }"
)

@Suite("TLS in gateway.json") struct TLSConfigurationTests {
    @Test("a whole document is read, and TLS opens listening beyond loopback") func whole() throws {
        let configuration = try read(good)
        let dicom = try #require(configuration.dicom.tls)
        #expect(dicom.credentials.certificate == "tls/chain.pem")
        #expect(dicom.clientAuthorities == "ca.pem")
        #expect(dicom.minimumVersion == .tls13)
        let revocation = try #require(dicom.revocation)
        #expect(revocation.crls == ["a.crl", "/b.pem"])
        #expect(revocation.ocsp)
        #expect(revocation.graceSeconds == 3600)
        #expect(!revocation.isRequired)
        let peer = try #require(configuration.dicom.peers.first?.tls)
        #expect(peer.authorities == "pacs-ca.pem")
        #expect(peer.credentials?.privateKey == "k.pem")
        #expect(peer.serverName == "pacs")
        let web = try #require(configuration.web.tls)
        #expect(web.server.minimumVersion == .tls12)
        #expect(web.viewer?.certificate == "vi.pem")
        #expect(configuration.path(of: "ca.pem") == "/d/ca.pem")
        #expect(configuration.path(of: "/etc/key.pem") == "/etc/key.pem")
    }

    @Test("what is written reads back the same") func roundTrip() throws {
        let configuration = try read(good)
        #expect(try GatewayConfiguration(json: configuration.encodeJSON()) == configuration)
    }

    @Test("without TLS, listening beyond loopback is an error that names it as a remedy") func remedy() {
        let found = findings(document())
        #expect(found.map(\.path) == ["dicom.listen[0]", "web.listen[0]"])
        #expect(found.first?.expected.contains("dicom.tls") == true)
    }

    @Test("a revocation without a choice is strict: required, no grace") func strict() throws {
        let text = document(
            dicom: ", \"tls\": { \(server), \"revocation\": { \"crls\": [\"a\"] } }",
            web: ", \"tls\": { \(server) }"
        )
        let revocation = try #require(try read(text).dicom.tls?.revocation)
        #expect(revocation.isRequired)
        #expect(revocation.graceSeconds == 0)
        #expect(!revocation.ocsp)
    }

    /// Section, content of its `tls`, path that the error names.
    static let bad: [(String, String, String)] = [
        ("dicom", "\"privateKey\": \"k\"", "dicom.tls.certificate"),
        ("dicom", "\"certificate\": \"c\"", "dicom.tls.privateKey"),
        ("dicom", "\"certificate\": \"\", \"privateKey\": \"k\"", "dicom.tls.certificate"),
        ("dicom", "\(server), \"minimumVersion\": \"1.1\"", "dicom.tls.minimumVersion"),
        ("dicom", "\(server), \"viewer\": {}", "dicom.tls.viewer"),
        ("dicom", "\(server), \"revocation\": {}", "dicom.tls.revocation.crls"),
        (
            "dicom", "\(server), \"revocation\": { \"crls\": [1], \"ocsp\": true }",
            "dicom.tls.revocation.crls[0]"
        ),
        (
            "dicom", "\(server), \"revocation\": { \"ocsp\": true, \"graceSeconds\": -1 }",
            "dicom.tls.revocation.graceSeconds"
        ),
        (
            "dicom", "\"certificate\": \"c\", \"privateKey\": \"k\", \"revocation\": { \"ocsp\": true }",
            "dicom.tls.revocation"
        ),
        ("web", "\"certificate\": \"c\", \"privateKey\": \"k\"", "web.tls.clientAuthorities"),
        ("web", "\(server), \"viewer\": { \"certificate\": \"c\" }", "web.tls.viewer.privateKey"),
        ("web", "\(server), \"colour\": 1", "web.tls.colour"),
        ("peer", "\"serverName\": \"x\"", "dicom.peers[0].tls.authorities"),
        ("peer", "\"authorities\": \"a\", \"certificate\": \"c\"", "dicom.peers[0].tls.privateKey"),
        ("peer", "\"authorities\": \"a\", \"privateKey\": \"c\"", "dicom.peers[0].tls.certificate"),
        ("peer", "\"authorities\": \"a\", \"serverName\": \"a b\"", "dicom.peers[0].tls.serverName"),
    ]

    @Test("a wrong value is an error that names its path", arguments: bad)
    func badValues(section: String, tls: String, named: String) {
        let member = ", \"tls\": { \(tls) }"
        let well = ", \"tls\": { \(server) }"
        let text = document(
            dicom: section == "dicom" ? member : well,
            peer: section == "peer" ? member : "",
            web: section == "web" ? member : well
        )
        #expect(findings(text).map(\.path) == [named])
    }

    @Test("a key in the TPM is refused with the reason, also for peers") func tpm() {
        let key = "\"certificate\": \"c\", \"privateKey\": \"tpm:0x81000001\", \"clientAuthorities\": \"a\""
        let peer = ", \"tls\": { \"authorities\": \"a\", \"certificate\": \"c\", \"privateKey\": \"tpm:1\" }"
        let found = findings(
            document(dicom: ", \"tls\": { \(key) }", peer: peer, web: ", \"tls\": { \(key) }")
        )
        let paths = ["dicom.tls.privateKey", "dicom.peers[0].tls.privateKey", "web.tls.privateKey"]
        #expect(Set(found.map(\.path)).isSuperset(of: paths))
        #expect(found.first?.expected == "a PEM file: the gateway does not reach the TPM")
    }

    @Test("TLS opens HL7 listening beyond loopback") func hl7() throws {
        let listen = "\"listen\": [\"0.0.0.0:2575\"]"
        let member = ", \"tls\": { \(server) }"
        let configuration = try read(document(dicom: member, web: member, hl7: "{ \(listen) \(member) }"))
        #expect(configuration.hl7?.tls?.clientAuthorities == "ca.pem")
        let text = document(dicom: member, web: member, hl7: "{ \(listen) }")
        #expect(findings(text).map(\.path) == ["hl7.listen[0]"])
    }
}
