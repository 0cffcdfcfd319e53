// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

private func document(_ more: String = "") -> [UInt8] {
    Array(
        """
        { "hardware": "drimbox-1", "device": "SN-1"\(more),
          "slots": { "a": { "data": "/dev/a", "hashes": "/dev/ah" }, "b": { "data": "/dev/b", "hashes": "/dev/bh" } } }
        """.utf8
    )
}

@Suite("update.json") struct UpdateConfigurationTests {
    @Test("what is not said has its usual value; nothing reboots without a consent") func least() throws {
        let configuration = try UpdateConfiguration(json: document())
        #expect(configuration.channel == "stable" && configuration.bootPartition == "/efi")
        #expect(configuration.timing.download == .open && configuration.timing.reboot == .consent)
        #expect(configuration.slots.b.hashes == "/dev/bh")
        #expect(configuration.server == nil && configuration.probe == nil)
    }

    @Test(
        "what does not fit together is named",
        arguments: [
            (", \"reboot\": \"window\"", "reboot"), (", \"windows\": [\"25:00-05:00\"]", "windows[0]"),
            (", \"probe\": \"/p\"", "vendorKey"),
            (", \"server\": { \"url\": \"http://u.example\" }", "server.url"),
            (
                ", \"server\": { \"url\": \"https://u.example\", \"certificate\": \"/c\" }",
                "server.privateKey"
            ),
            (", \"checks\": [{ \"name\": \"x\", \"command\": [] }]", "checks[0].command"),
            (", \"colour\": 1", "colour"),
        ]
    ) func refused(_ more: String, _ path: String) {
        #expect {
            try UpdateConfiguration(json: document(more))
        } throws: { ($0 as? ConfigurationError)?.findings.map(\.path) == [path] }
    }

    @Test("a window is open within its minutes, over midnight too") func windows() throws {
        let more = ", \"windows\": [\"22:00-05:00\", \"12:00-12:30\"]"
        let configuration = try UpdateConfiguration(json: document(more))
        let (night, noon) = (configuration.timing.windows[0], configuration.timing.windows[1])
        let hour: Int64 = 3_600_000
        let day = 20_000 * 24 * hour
        #expect(night.closes(day + 23 * hour) == day + 29 * hour)
        #expect(night.closes(day + 4 * hour + 59_000) == day + 5 * hour)
        #expect(night.closes(day + 5 * hour) == nil && night.closes(day + 21 * hour) == nil)
        #expect(noon.closes(day + 12 * hour) == day + 12 * hour + hour / 2)
        #expect(noon.closes(day + 12 * hour + hour / 2) == nil)
    }

    private static let site =
        ", \"site\": \"/var/lib/drimbox/updates.json\", \"server\": { \"url\": \"https://image.example\" }"

    @Test("what the site says stands in place of the image's; what it does not say stays the image's")
    func said() throws {
        let words = """
            { "server": { "url": "https://site.example", "authorities": "/var/lib/drimbox/credentials/ca.pem",
                          "proxy": "10.0.0.1:3128" }, "windows": ["22:00-05:00"], "reboot": "window", "download": null }
            """
        let configuration = try UpdateConfiguration(json: document(Self.site), said: Array(words.utf8))
        #expect(
            configuration.server?.url == "https://site.example" && configuration.server?.proxy?.port == 3128
        )
        #expect(configuration.timing.reboot == .window && configuration.timing.download == .open)
        #expect(configuration.device == "SN-1")
        // Where the image names no place for it, it is not heard.
        let deaf = try UpdateConfiguration(json: document(), said: Array(words.utf8))
        #expect(deaf.server == nil)
    }

    @Test(
        "what the image alone says, or a file that is no credential, is refused",
        arguments: [
            (#"{ "checks": [] }"#, "checks"), (#"{ "root": "/tmp/root.json" }"#, "root"),
            (#"{ "rebootCommand": "/bin/sh" }"#, "rebootCommand"),
            (
                #"{ "server": { "url": "https://s.example", "authorities": "/etc/shadow" } }"#,
                "server.authorities"
            ),
            (
                #"{ "server": { "url": "https://s.example", "authorities": "/var/lib/drimbox/credentials/../x" } }"#,
                "server.authorities"
            ),
            ("[]", ""), (#"{ "reboot": "window" }"#, "reboot"),
        ]
    ) func overheard(_ words: String, _ path: String) {
        #expect {
            try UpdateConfiguration(json: document(Self.site), said: Array(words.utf8))
        } throws: { ($0 as? ConfigurationError)?.findings.map(\.path) == [path] }
    }

    @Test("in the box's document: credentials by their names, and for drimbox-update by their paths")
    func ofTheBox() throws {
        func box(_ updates: String) throws -> BoxConfiguration {
            try BoxConfiguration(
                json: Array(
                    """
                    { "site": "x", "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                      "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } }\(updates) }
                    """.utf8
                )
            )
        }
        #expect(try box("").updates == nil)
        let server = #""url": "https://u.example", "certificate": "box.pem", "privateKey": "box.key""#
        let good = try box(", \"updates\": { \"server\": { \(server) }, \"reboot\": \"open\" }")
        #expect(try BoxConfiguration(json: good.encodeJSON()) == good)
        let rendered = try #require(
            good.updates?.rendered(credentialsDirectory: "/var/lib/drimbox/credentials")
        )
        let configuration = try UpdateConfiguration(json: document(Self.site), said: rendered)
        #expect(configuration.server?.certificate == "/var/lib/drimbox/credentials/box.pem")
        #expect(configuration.timing.reboot == .open)
        for (updates, path) in [
            (
                #"{ "server": { "url": "https://u.example", "authorities": "/etc/x.pem" } }"#,
                "updates.server.authorities"
            ),
            (#"{ "checks": [] }"#, "updates.checks"), (#"{ "reboot": "window" }"#, "updates.reboot"),
        ] {
            #expect {
                try box(", \"updates\": \(updates)")
            } throws: { ($0 as? ConfigurationError)?.findings.map(\.path) == [path] }
        }
    }
}
