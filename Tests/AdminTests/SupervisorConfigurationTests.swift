// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

@Suite("drimbox.json") struct SupervisorConfigurationTests {
    private static let gateway = """
        "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                     "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } }
        """

    private func findings(_ text: String) -> [String] {
        do {
            _ = try SupervisorConfiguration(json: Array(text.utf8))
            return []
        } catch {
            return error.findings.map(\.path)
        }
    }

    @Test("directories and the admin socket have defaults") func defaults() throws {
        let text = "{ \"site\": \"S\", \(Self.gateway) }"
        let configuration = try SupervisorConfiguration(json: Array(text.utf8))
        #expect(configuration.stateDirectory == "/var/lib/drimbox")
        #expect(configuration.admin.socket == "/run/drimbox/admin.sock")
        #expect(configuration.admin.group == "drimbox-admin")
        #expect(configuration.gatewayExecutable == nil)
        #expect(configuration.gatewayDocumentPath == "/run/drimbox/gateway.json")
    }

    @Test("the gateway's document is rendered with its directories") func rendering() throws {
        let text = """
            { "site": "S", "stateDirectory": "/s", "runtimeDirectory": "/r", \(Self.gateway) }
            """
        let configuration = try SupervisorConfiguration(json: Array(text.utf8))
        #expect(configuration.admin.socket == "/r/admin.sock")
        let gateway = configuration.gateway(for: configuration.factory)
        let rendered = try GatewayConfiguration(json: gateway.encodeJSON())
        #expect(rendered == gateway)
        #expect(rendered.site == "S")
        #expect(rendered.dataDirectory == "/s/gateway")
        #expect(rendered.statusSocket == "/r/gateway.sock")
    }

    @Test("the supervisor decides the gateway's directories, and errors carry the whole path") func paths() {
        let text = """
            { "site": "S", "admin": { "socket": "relative", "group": "no group", "x": 1 },
              "gateway": { "dataDirectory": "/d", "executable": "bin",
                           "dicom": { "aeTitle": "A", "listen": ["0.0.0.0:0"] } } }
            """
        #expect(
            Set(findings(text)) == [
                "admin.socket", "admin.group", "admin.x", "gateway.dataDirectory", "gateway.executable",
                "gateway.dicom.listen[0]", "gateway.web",
            ]
        )
    }

    @Test("the configuration that is shipped is valid") func shipped() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "etc/drimbox/drimbox.json")
        let configuration = try SupervisorConfiguration(json: Array(Data(contentsOf: path)))
        #expect(configuration.gateway(for: configuration.factory).dicom.listen.map(\.isLoopback) == [true])
    }
}
