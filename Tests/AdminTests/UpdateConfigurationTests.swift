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
        #expect(configuration.download == .open && configuration.reboot == .consent)
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
        let (night, noon) = (configuration.windows[0], configuration.windows[1])
        let hour: Int64 = 3_600_000
        let day = 20_000 * 24 * hour
        #expect(night.closes(day + 23 * hour) == day + 29 * hour)
        #expect(night.closes(day + 4 * hour + 59_000) == day + 5 * hour)
        #expect(night.closes(day + 5 * hour) == nil && night.closes(day + 21 * hour) == nil)
        #expect(noon.closes(day + 12 * hour) == day + 12 * hour + hour / 2)
        #expect(noon.closes(day + 12 * hour + hour / 2) == nil)
    }
}
