// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

/// A whole document, with the members given in the place of those of the same name.
private func document(_ changes: [String: String] = [:]) -> String {
    var members = [
        "site": "\"S\"", "dataDirectory": "\"/d\"",
        "dicom": """
        { "aeTitle": "A", "listen": ["127.0.0.1:0"],
          "peers": [{ "aeTitle": "PACS", "host": "127.0.0.1", "port": 4242, "roles": ["store"] }] }
        """,
        "web": "{ \"listen\": [\"127.0.0.1:0\"], \"authorization\": \"none\" }",
        "dmp": """
        { "services": "https://dmp.example/si-dmp-server/v2/services", "authorities": "dmp-ca.pem",
          "software": { "identifier": "1", "name": "DRIMbox", "homologation": "H" },
          "sourceIdentifier": "1.2.250.1.999", "structures": [
            { "identifiers": ["1750803447"], "name": "A",
              "authentication": { "certificate": "auth.pem", "privateKey": "auth.key" },
              "signature": { "certificate": "sign.pem", "privateKey": "sign.key" } }] }
        """,
        "proSanteConnect": """
        { "issuer": "https://psc.example/realm", "clientID": "box", "authorities": "psc.pem",
          "credentials": { "certificate": "auth.pem", "privateKey": "auth.key" } }
        """,
        "whiteList": """
        { "file": "/d/list.xml", "authorities": "igc.pem", "url": "https://ans.example/list.xml",
          "urlAuthorities": "web.pem" }
        """,
        "boxes": "{ \"tls\": { \"authorities\": \"ca.pem\" } }",
        "consumer": consumer(),
    ]
    for (key, value) in changes { members[key] = value }
    return "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ",") + "}"
}

private func consumer(_ changes: [String: String] = [:]) -> String {
    let members = [
        "listen": "[\"127.0.0.1:8443\"]", "publicURL": "\"https://drimbox.example\"", "archive": "\"PACS\"",
    ].merging(changes) { $1 }
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

@Suite("Consumer in gateway.json") struct ConsumerConfigurationTests {
    @Test("a whole document is read, and reads back from what is written") func whole() throws {
        let more = [
            "coercion":
                "[{ \"attribute\": \"InstitutionName\", \"action\": \"replace\", \"value\": \"Elsewhere\" }]",
            "preferredManifest": "\"mado\"",
            "documentResponders": "[{ \"name\": \"Lac\", \"url\": \"https://lac.example/fhir\" }]",
            "priorClients": "[\"ris\"]", "tls": "{ \"certificate\": \"c.pem\", \"privateKey\": \"c.key\" }",
        ]
        let text = document(["consumer": consumer(more)])
        let configuration = try GatewayConfiguration(json: Array(text.utf8))
        let consumer = try #require(configuration.consumer)
        #expect(consumer.sessionIdleMinutes == 15)
        #expect(consumer.contextSeconds == 120)
        #expect(consumer.preferredManifest == .mado)
        #expect(consumer.documentResponders.map(\.url) == ["https://lac.example/fhir"])
        #expect(consumer.coercion.map(\.value) == ["Elsewhere"])
        let identity = try #require(configuration.proSanteConnect)
        #expect(
            identity.provider.discovery == "https://psc.example/realm/.well-known/wallet-openid-configuration"
        )
        #expect(identity.provider.acrValues == "eidas1")
        #expect(try GatewayConfiguration(json: configuration.encodeJSON()) == configuration)
        let files = Set(configuration.certificateFiles.map(\.path))
        #expect(files.isSuperset(of: ["/d/c.pem", "/d/web.pem", "/d/igc.pem", "/d/psc.pem"]), "\(files)")
    }

    @Test(
        "what does not fit together is named",
        arguments: [
            (["dmp": "null"], ["dmp"]), (["proSanteConnect": "null"], ["proSanteConnect"]),
            (["whiteList": "null"], ["whiteList"]), (["boxes": "null"], ["boxes.tls"]),
            (["consumer": consumer(["publicURL": "\"https://drimbox.example/x\""])], ["consumer.publicURL"]),
            (["consumer": consumer(["sessionIdleMinutes": "61"])], ["consumer.sessionIdleMinutes"]),
            (["consumer": consumer(["listen": "[\"10.0.0.1:443\"]"])], ["consumer.listen[0]"]),
            (["consumer": consumer(["archive": "\"OTHER\""])], ["consumer.archive"]),
            (
                ["consumer": consumer(["coercion": "[{ \"attribute\": \"X\", \"action\": \"replace\" }]"])],
                ["consumer.coercion[0].value"]
            ),
            (
                ["consumer": consumer(["coercion": "[{ \"attribute\": \"X\", \"action\": \"local\" }]"])],
                ["consumer.coercion[0].attribute"]
            ),
            (
                ["consumer": consumer(["viewing": "\"fast\""])], ["consumer.viewing"]
            ),
        ]
    ) func bad(_ changes: [String: String], _ paths: [String]) {
        #expect(findings(document(changes)) == paths)
    }

    @Test("without a consumer a white list still needs something to guard") func alone() {
        let paths = findings(document(["consumer": "null"]))
        #expect(paths == ["whiteList", "web.tls.clientAuthorities"])
    }
}
