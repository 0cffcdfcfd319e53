// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

/// A whole document of a source with a viewer, with the members given in the place of those of the same name; those
/// that are empty are left out.
private func document(_ changes: [String: String] = [:]) -> String {
    var members = [
        "site": "\"S\"", "dataDirectory": "\"/d\"",
        "dicom": """
        { "aeTitle": "A", "listen": ["127.0.0.1:0"],
          "peers": [{ "aeTitle": "PACS", "host": "127.0.0.1", "port": 4242, "roles": ["find", "move"] }] }
        """,
        "web": """
        { "listen": ["127.0.0.1:0"], "authorization": "manifest", "viewerHost": "vi1.example" }
        """,
        "hl7": "{ \"listen\": [\"127.0.0.1:0\"] }",
        "dmp": """
        { "services": "https://dmp.example/si-dmp-server/v2/services", "authorities": "dmp-ca.pem",
          "software": { "identifier": "1", "name": "DRIMbox", "homologation": "H" },
          "sourceIdentifier": "1.2.250.1.999", "structures": [
            { "identifiers": ["1750803447"], "name": "A",
              "authentication": { "certificate": "auth.pem", "privateKey": "auth.key" },
              "signature": { "certificate": "sign.pem", "privateKey": "sign.key" } }] }
        """,
        "source": "{ \"archive\": \"PACS\", \"retrieveURL\": \"https://db1.example/dicomweb\" }",
        "proSanteConnect": """
        { "issuer": "https://psc.example/realm", "clientID": "box", "authorities": "psc.pem",
          "credentials": { "certificate": "auth.pem", "privateKey": "auth.key" } }
        """,
        "viewer": "{ \"publicURL\": \"https://vi1.example\" }",
    ]
    for (key, value) in changes { members[key] = value.isEmpty ? nil : value }
    return "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ",") + "}"
}

private func findings(_ changes: [String: String]) -> [String] {
    do {
        _ = try GatewayConfiguration(json: Array(document(changes).utf8))
        return []
    } catch {
        return error.findings.map(\.path)
    }
}

@Suite("Viewer in gateway.json") struct ViewerConfigurationTests {
    @Test("a whole document is read, and reads back from what is written") func whole() throws {
        let text = document([
            "viewer": """
            { "directory": "/srv/viewer", "publicURL": "https://vi1.example:8443", "sessionIdleMinutes": 5,
              "sessionHours": 2 }
            """
        ])
        let read = try GatewayConfiguration(json: Array(text.utf8))
        #expect(
            read.viewer
                == .init(
                    directory: "/srv/viewer",
                    publicURL: "https://vi1.example:8443",
                    sessionIdleMinutes: 5,
                    sessionHours: 2,
                    download: .nobody,
                    patients: nil
                )
        )
        #expect(read.viewer?.host == "vi1.example")
        #expect(try GatewayConfiguration(json: read.encodeJSON()) == read)
    }

    @Test("what is left out has its standard value") func standards() throws {
        let viewer = try GatewayConfiguration(json: Array(document().utf8)).viewer
        #expect(viewer?.directory == "/usr/share/drimbox/viewer")
        #expect(viewer?.sessionIdleMinutes == 15 && viewer?.sessionHours == 8)
        #expect(try GatewayConfiguration(json: Array(document(["viewer": ""]).utf8)).viewer == nil)
    }

    private static let signsPatientsIn = """
        "patients": { "issuer": "https://mes.example", "clientID": "box", "authorities": "mes.pem",
          "clientSecretFile": "/d/mes.secret", "name": "Mon espace santé", "identifierClaim": "ins"
        """

    @Test("who signs patients in is another provider than the professionals'") func patients() throws {
        let text = document([
            "viewer":
                "{ \"publicURL\": \"https://vi1.example\", \"download\": \"readers\", \(Self.signsPatientsIn) } }"
        ])
        let read = try GatewayConfiguration(json: Array(text.utf8))
        let patients = try #require(read.viewer?.patients)
        #expect(patients.provider.discovery == "https://mes.example/.well-known/openid-configuration")
        #expect(patients.provider.scope == "openid" && patients.provider.acrValues == "eidas2")
        #expect(patients.provider.path == "viewer.patients" && patients.representedClaim == nil)
        #expect(read.certificateFiles.contains { $0.path == "/d/mes.pem" })
        #expect(try GatewayConfiguration(json: read.encodeJSON()) == read)
    }

    @Test(
        "what does not fit together is told by its path",
        arguments: [
            (["viewer": "{ \"publicURL\": \"https://vi2.example\" }"], ["web.viewerHost"]),
            (["viewer": "{}"], ["viewer.publicURL"]),
            (
                ["viewer": "{ \"publicURL\": \"https://vi1.example/x\" }"],
                ["viewer.publicURL", "viewer.publicURL"]
            ),
            (["viewer": "{ \"publicURL\": \"https://vi1.example\", \"theme\": 1 }"], ["viewer.theme"]),
            (
                ["viewer": "{ \"publicURL\": \"https://vi1.example\", \"sessionHours\": 24 }"],
                ["viewer.sessionHours"]
            ),
            (["proSanteConnect": ""], ["proSanteConnect"]),
            (["viewer": "{ \(signsPatientsIn) } }"], ["viewer.patients", "viewer.publicURL"]),
            (
                [
                    "viewer":
                        "{ \"publicURL\": \"https://vi1.example\", \(signsPatientsIn), \"representedClaim\": \"ins\", \"introspection\": \"x\" } }"
                ],
                ["viewer.patients.introspection", "viewer.patients.representedClaim"]
            ),
            (
                [
                    "source": "", "hl7": "", "dmp": "",
                    "web":
                        "{ \"listen\": [\"127.0.0.1:0\"], \"authorization\": \"none\", \"viewerHost\": \"vi1.example\" }",
                ],
                ["viewer", "viewer.publicURL"]
            ),
        ] as [([String: String], [String])]
    )
    func unfit(changes: [String: String], paths: [String]) {
        #expect(findings(changes) == paths)
    }
}
