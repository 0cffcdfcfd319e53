// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

private let structure = """
    { "identifiers": ["1750803447"], "name": "Centre de radiologie Ambroise", "mode": "EJ/EG",
      "vihfIdentifier": "1750000001", "sector": "SA08",
      "authentication": { "certificate": "auth.pem", "privateKey": "auth.key" },
      "signature": { "certificate": "sign.pem", "privateKey": "sign.key" } }
    """

/// A whole document, with the members given in the place of those of the same name.
private func document(_ changes: [String: String] = [:], roles: String = "\"find\", \"move\"") -> String {
    var members = [
        "site": "\"S\"", "dataDirectory": "\"/d\"",
        "dicom": """
        { "aeTitle": "A", "listen": ["127.0.0.1:0"],
          "peers": [{ "aeTitle": "PACS", "host": "127.0.0.1", "port": 4242, "roles": [\(roles)] }] }
        """,
        "web": "{ \"listen\": [\"127.0.0.1:0\"], \"authorization\": \"manifest\" }",
        "hl7": "{ \"listen\": [\"127.0.0.1:2575\"] }",
        "dmp": """
        { "services": "https://dmp.example/si-dmp-server/v2/services", "authorities": "dmp-ca.pem",
          "software": { "identifier": "1", "name": "DRIMbox", "homologation": "H" },
          "sourceIdentifier": "1.2.250.1.999", "structures": [\(structure)] }
        """,
        "source": "{ \"archive\": \"PACS\", \"retrieveURL\": \"https://db1.example/dicomweb\" }",
    ]
    for (key, value) in changes { members[key] = value }
    return "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ",") + "}"
}

private func findings(_ text: String) -> [String] {
    do {
        _ = try GatewayConfiguration(json: Array(text.utf8))
        return []
    } catch {
        return error.findings.map(\.path)
    }
}

@Suite("Source and DMP in gateway.json") struct SourceConfigurationTests {
    @Test("a whole document is read, and reads back from what is written") func whole() throws {
        let configuration = try GatewayConfiguration(json: Array(document().utf8))
        let dmp = try #require(configuration.dmp)
        #expect(dmp.algorithm == .sha256)
        #expect(dmp.structures.first?.mode == .ejEG)
        #expect(dmp.structures.first?.signature.certificate == "sign.pem")
        #expect(configuration.source?.imageWaitHours == 72)
        #expect(configuration.web.authorization == .manifest)
        #expect(try GatewayConfiguration(json: configuration.encodeJSON()) == configuration)
        let files = configuration.certificateFiles.map(\.name)
        #expect(
            files == ["dmp authorities", "dmp 1750803447 authentication", "dmp 1750803447 signature"],
            "\(files)"
        )
    }

    @Test(
        "what does not fit together is named",
        arguments: [
            (["dmp": "null"], ["dmp"]), (["hl7": "null"], ["hl7"]),
            (["source": "null"], ["web.authorization"]),
            (
                ["source": "{ \"archive\": \"OTHER\", \"retrieveURL\": \"https://db1.example/dicomweb\" }"],
                ["source.archive"]
            ),
            (["source": "{ \"retrieveURL\": \"http://db1.example/dicomweb\" }"], ["source.retrieveURL"]),
            (["source": "{ \"retrieveURL\": \"https://db1.example/dicomweb/\" }"], ["source.retrieveURL"]),
            (
                ["source": "{ \"retrieveURL\": \"https://db1.example\", \"timezoneOffset\": \"+9900\" }"],
                ["source.timezoneOffset"]
            ),
        ] as [([String: String], [String])]
    )
    func contradictions(changes: [String: String], paths: [String]) {
        #expect(findings(document(changes)) == paths)
    }

    private func source(_ more: String, location: String = "\"1.2.250.1.999.7\"") -> String {
        """
        { "archive": "PACS", "retrieveURL": "https://db1.example/dicomweb",
          "retrieveLocationUID": \(location), \(more) }
        """
    }

    @Test("manifests are French where nothing is said; MADO's are as they are configured") func manifests()
        throws
    {
        let french = try GatewayConfiguration(json: Array(document().utf8))
        #expect(french.source?.manifests == .french && french.source?.mado == nil)
        let plain = try GatewayConfiguration(
            json: Array(document(["source": source("\"manifests\": \"both\"")]).utf8)
        )
        #expect(plain.source?.mado == .standard)
        #expect(try GatewayConfiguration(json: plain.encodeJSON()) == plain)
        let whole = """
            "manifests": "mado",
            "mado": { "codes": "final", "titleCode": "131560", "european": true,
                      "regions": [{ "code": "ZBQK002", "region": "67734004" }],
                      "viewerURL": "https://view.example/?study={study}" }
            """
        let mado = try GatewayConfiguration(json: Array(document(["source": source(whole)]).utf8))
        #expect(mado.source?.mado?.codes == .final && mado.source?.mado?.isEuropean == true)
        #expect(mado.source?.mado?.regions.map(\.region) == ["67734004"])
        #expect(try GatewayConfiguration(json: mado.encodeJSON()) == mado)
    }

    @Test(
        "what MADO manifests need and have not is named",
        arguments: [
            ("\"manifests\": \"european\"", ["source.manifests"]),
            ("\"mado\": {}", ["source.mado"]),
            (
                "\"manifests\": \"mado\", \"mado\": { \"codes\": \"final\" }",
                ["source.mado.titleCode"]
            ),
            (
                "\"manifests\": \"both\", \"mado\": { \"titleCode\": \"1\" }",
                ["source.mado.titleCode"]
            ),
            (
                "\"manifests\": \"both\", \"mado\": { \"regions\": [{ \"code\": \"A\", \"region\": \"1\" }] }",
                ["source.mado.regions[0].region"]
            ),
            (
                """
                "manifests": "both", "mado": { "regions": [{ "code": "A", "region": "774007" },
                                                           { "code": "A", "region": "80891009" }] }
                """, ["source.mado.regions[1].code"]
            ),
            (
                "\"manifests\": \"both\", \"mado\": { \"viewerURL\": \"https://view.example/\" }",
                ["source.mado.viewerURL"]
            ),
            (
                "\"manifests\": \"both\", \"mado\": { \"colour\": 1 }", ["source.mado.colour"]
            ),
        ] as [(String, [String])]
    )
    func madoFindings(more: String, paths: [String]) {
        #expect(findings(document(["source": source(more)])) == paths)
    }

    @Test("MADO manifests say where images are kept") func location() {
        let text = source("\"manifests\": \"both\"", location: "null")
        #expect(findings(document(["source": text])) == ["source.retrieveLocationUID"])
    }

    @Test("the record's section is checked value by value") func record() {
        for (change, path) in [
            (
                "\"sourceIdentifier\": \"1.2.250.1.999\"|\"sourceIdentifier\": \"1.02\"",
                "dmp.sourceIdentifier"
            ),
            ("\"mode\": \"EJ/EG\"|\"mode\": \"EG\"", "dmp.structures[0].vihfIdentifier"),
            ("\"mode\": \"EJ/EG\"|\"mode\": \"EJ\"", "dmp.structures[0].mode"),
            ("https://dmp.example|http://dmp.example", "dmp.services"),
            ("\"identifiers\": [\"1750803447\"]|\"identifiers\": []", "dmp.structures[0].identifiers"),
        ] {
            let parts = change.split(separator: "|").map(String.init)
            let text = document().replacingOccurrences(of: parts[0], with: parts[1])
            #expect(findings(text).contains(path), "\(change)")
        }
    }

    @Test("an archive that nobody may ask is no archive") func roles() {
        #expect(findings(document(roles: "\"store\"")) == ["source.archive"])
    }
}
