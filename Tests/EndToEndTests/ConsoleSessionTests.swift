// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "The console on a pseudo-terminal of 80x24, beside a real systemd-networkd",
        .enabled(
            if: Measured.isAvailable,
            "needs root, namespaces, systemd-networkd, dbus-daemon, dnsmasq, nft, curl and python3"
        )
    )
    struct ConsoleSessionTests {
        private func check(_ session: Measured) {
            #expect(
                session["status"].number == 0,
                "\(session["errors"].text ?? "") \(session["transcript"].text ?? "")"
            )
            #expect(session["ascii"].bool == true)
            #expect((session["longest"].number ?? 100) <= 80)
        }

        @Test(
            "day 1: from the factory to a confirmed network in twelve answers, in both languages",
            arguments: ["day-one", "day-one-french"]
        )
        func dayOne(scenario: String) throws {
            let found = try Measured(scenario)
            check(found)
            #expect(found["answers"].number == 12)
            #expect(found["revision"].number == 2)
            #expect(found["care0"].texts == ["10.10.0.5/24"])
            #expect(found["site"].text == "CHU Nord / Radio-2")
            #expect(found["users.0.name"].text == "marie" && found["users.0.role"].text == "admin")
        }

        @Test("the technician: a wrong clock, a cable in the wrong port, no DHCP, each with cause and advice")
        func failures() throws {
            let found = try Measured("console-failures")
            #expect(found["install"].number == 0)
            for flow in ["clock", "cable", "dhcp"] { check(found[flow]) }
            #expect(found["wrong_password"].number == 0)
        }

        @Test(
            "the technician: a TPM that is locked and a disk that fails, in both languages",
            .enabled(if: Bench.has("swtpm") && Bench.has("tpm2_sign"), "needs swtpm and tpm2-tools")
        )
        func hardware() throws {
            let found = try Measured("console-hardware")
            for flow in ["why", "hardware", "french"] { check(found[flow]) }
        }
    }
}
