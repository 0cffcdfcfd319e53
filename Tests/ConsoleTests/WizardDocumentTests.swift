// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Console

@Suite("Console: the wizard's document") struct WizardDocumentTests {
    private func base(_ interfaces: String, _ firewall: String = "", dicom: String = "") throws -> JSONValue {
        let text = """
            { "site": "S", "gateway": {
                "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:11112"\(dicom) },
                "web": { "listen": ["127.0.0.1:8080"], "authorization": "none" } },
              "network": { "interfaces": [\(interfaces)], "firewall": [\(firewall)] } }
            """
        return try BoxConfiguration(json: Array(text.utf8)).json
    }

    private let care = """
        { "name": "eno1", "zone": "care", "mtu": 9000,
          "ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.1" },
          "routes": [{ "destination": "10.20.0.0/16", "gateway": "10.10.0.2" }] }
        """
    private let dmz = """
        , { "name": "eno2", "zone": "dmz", "ipv4": { "method": "static", "address": "192.0.2.5/24" } }
        """
    private let vlan = """
        , { "name": "eno4" },
          { "name": "adm", "zone": "admin", "vlan": { "parent": "eno4", "id": 7 }, "ipv4": { "method": "dhcp" } }
        """

    @Test("the answers of a document written over it change nothing but the rule for DICOM") func roundTrip()
        throws
    {
        let document = try base(
            care + dmz + vlan,
            "{ \"zone\": \"care\", \"service\": \"dicom\" }, { \"zone\": \"dmz\", \"port\": 443 }",
            dicom: """
                , "10.10.0.5:11112"], "allowPlaintext": "because",
                "peers": [{ "aeTitle": "X", "host": "x", "port": 1, "roles": ["store"] },
                          { "aeTitle": "P", "host": "p", "port": 104, "roles": ["store", "find", "move"] }]
                """
        )
        let answers = WizardAnswers(document)
        #expect(answers.care.interface == "eno1")
        #expect(
            answers.dmz
                == .init(interface: "eno2", method: IPPrefix("192.0.2.5/24").map { .fixed($0) }, gateway: "")
        )
        #expect(answers.archive == .some(.init(aeTitle: "P", host: "p", port: 104)))
        #expect(answers.allowsPlaintext == true)
        #expect(ConfigurationDifference.between(document, WizardDocument(answers, over: document).json) == [])
    }

    @Test("a new address takes what stood on the old one with it") func moved() throws {
        let document = try base(care, dicom: ", \"10.10.0.5:11112\"], \"allowPlaintext\": \"because\"")
        var answers = WizardAnswers(document)
        answers.care.method = IPPrefix("10.30.0.5/24").map { .fixed($0) }
        answers.care.gateway = "10.30.0.1"
        let result = WizardDocument(answers, over: document)
        #expect(result.findings == [])
        #expect(
            result.json[path: "gateway.dicom.listen"]
                == .array([.string("127.0.0.1:11112"), .string("10.30.0.5:11112")])
        )
        #expect(result.json[path: "network.interfaces[0].mtu"] == .integer(9000))
        #expect(result.json[path: "network.interfaces[0].routes"] == .array([]))
        #expect(result.json[path: "gateway.dicom.allowPlaintext"] == .string("because"))
        answers.allowsPlaintext = false
        let closed = WizardDocument(answers, over: document)
        #expect(closed.json[path: "gateway.dicom.listen"] == .array([.string("127.0.0.1:11112")]))
        #expect(closed.json[path: "gateway.dicom.allowPlaintext"] == .null)
        #expect(closed.findings == [])
    }

    @Test("without its network the dmz loses its rules; other zones stay") func noDMZ() throws {
        let document = try base(care + dmz + vlan, "{ \"zone\": \"dmz\", \"port\": 443 }", dicom: "]")
        var answers = WizardAnswers(document)
        answers.hasDMZ = false
        let result = WizardDocument(answers, over: document)
        #expect(result.findings == [])
        #expect(result.json[path: "network.interfaces[1].name"] == .string("eno4"))
        #expect(result.json[path: "network.firewall[0].zone"] == .string("care"))
        #expect(result.json[path: "network.firewall[1]"] == nil)
    }

    @Test("care takes the interface of the dmz") func swap() throws {
        let document = try base(care + dmz, dicom: "]")
        var wizard = Wizard(
            base: document,
            etag: nil,
            answers: WizardAnswers(document),
            asksAdministrator: false,
            links: [FakeBox.link("eno1"), FakeBox.link("eno2"), FakeBox.link("eno3")]
        )
        let text = ConsoleText(language: .english)
        #expect(wizard.accept("eno2", for: .interface(.care), text) == nil)
        #expect(wizard.answers.dmz.interface == nil)
        #expect(wizard.accept("eno1", for: .interface(.dmz), text) == nil)
        #expect(wizard.accept("192.0.2.5/24 none", for: .address(.dmz), text) == nil)
        let result = wizard.document
        #expect(result.findings == [])
        #expect(result.json[path: "network.interfaces[0].name"] == .string("eno2"))
        #expect(result.json[path: "network.interfaces[0].zone"] == .string("care"))
        #expect(result.json[path: "network.interfaces[1].name"] == .string("eno1"))
        #expect(result.json[path: "network.interfaces[1].zone"] == .string("dmz"))
    }

    @Test("an IPv6 address goes where it belongs") func sixth() throws {
        let document = try base(care, dicom: "]")
        var answers = WizardAnswers(document)
        answers.care.method = IPPrefix("2001:db8::5/64").map { .fixed($0) }
        answers.care.gateway = "2001:db8::1"
        answers.allowsPlaintext = true
        let result = WizardDocument(answers, over: document)
        #expect(result.findings == [])
        #expect(result.json[path: "network.interfaces[0].ipv6.address"] == .string("2001:db8::5/64"))
        #expect(result.json[path: "network.interfaces[0].ipv4.method"] == .string("none"))
        #expect(result.json[path: "gateway.dicom.listen[1]"] == .string("[2001:db8::5]:11112"))
    }

    @Test("every finding of the network is somebody's answer") func places() throws {
        let document = WizardDocument(
            WizardAnswers(try base(care + dmz, dicom: "]")),
            over: try base(care + dmz, dicom: "]")
        )
        let places: [(String, WizardStep?)] = [
            ("site", .site), ("network.interfaces[0].name", .interface(.care)),
            ("network.interfaces[1].ipv4.address", .address(.dmz)),
            ("network.interfaces[0].ipv4.gateway", .gateway(.care)), ("network.dns.servers[0]", .dns),
            ("network.ntp[2]", .ntp), ("gateway.dicom.peers[0].port", .pacs),
            ("gateway.dicom.listen[1]", .plaintext), ("gateway.web.listen[0]", nil),
        ]
        for (path, step) in places { #expect(document.step(at: path) == step, "\(path)") }
    }

    @Test("differences of a section that comes are told by what has a name") func differences() throws {
        let old = try FakeBox.document("")
        let new = try FakeBox.document(FakeBox.network)
        let lines = DifferenceList(ConfigurationDifference.between(old, new), ConsoleText(language: .english))
            .lines
        #expect(
            lines == [
                "What changes (connections break for a moment):", "  + network.dns  servers 10.10.0.53",
                "  + network.firewall[0]  service dicom, zone care",
                "  + network.interfaces[eno1]  ipv4 address 10.10.0.5/24, gateway 10.10.0.1, method static, "
                    + "ipv6 method none, name eno1, zone care",
                "  + network.ntp  10.10.0.123",
            ]
        )
    }
}
