// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Updates: from the vendor's tool to the other slot",
        .enabled(
            if: Bench.has("/usr/sbin/veritysetup") && Bench.has("zstd"),
            "needs the release build, cryptsetup-bin and zstd"
        )
    )
    struct UpdateTests {
        @Test("a release is made, signed, offered, installed, tried; what is wrong is refused by its reason")
        func scenario() throws {
            let result = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "update_scenario.py").path,
                    Bench.release.appending(path: "drimbox-update").path,
                ]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
            #expect(result.output.split(separator: "\n").count { $0.hasPrefix("ok  ") } >= 28)
        }

        @Test(
            "a release that has proven itself raises the TPM's floor, by the vendor's signature and no other way",
            .enabled(
                if: Bench.has("swtpm") && Bench.has("gcc") && Bench.has("openssl"),
                "needs swtpm, gcc and openssl"
            )
        )
        func floor() throws {
            let result = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "update_floor.py").path,
                    Bench.release.appending(path: "drimbox-update").path,
                ]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
            #expect(result.output.split(separator: "\n").count { $0.hasPrefix("ok  ") } >= 12)
        }

        @Test("an administrator installs, agrees, drops and goes back: supervisor, agent and drimboxctl")
        func orders() throws {
            let result = try run(
                Bench.python,
                [Bench.support.appending(path: "update_orders.py").path, Bench.release.path]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
            #expect(result.output.split(separator: "\n").count { $0.hasPrefix("ok  ") } >= 25)
        }
    }
}
