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
        /// Runs a script that prints a line for each thing that it has seen: `steps` of them at least.
        private func play(_ script: String, _ argument: URL, steps: Int) throws {
            let result = try run(
                Bench.python,
                [Bench.support.appending(path: script).path, argument.path]
            )
            #expect(result.status == 0, "\(result.output) \(result.errors)")
            #expect(result.output.split(separator: "\n").count { $0.hasPrefix("ok  ") } >= steps)
        }

        @Test("a release is made, signed, offered, installed, tried; what is wrong is refused by its reason")
        func scenario() throws {
            try play("update_scenario.py", Bench.release.appending(path: "drimbox-update"), steps: 28)
        }

        @Test(
            "a release that has proven itself raises the TPM's floor, by the vendor's signature and no other way",
            .enabled(
                if: Bench.has("swtpm") && Bench.has("gcc") && Bench.has("openssl"),
                "needs swtpm, gcc and openssl"
            )
        )
        func floor() throws {
            try play("update_floor.py", Bench.release.appending(path: "drimbox-update"), steps: 12)
        }

        @Test("an administrator installs, agrees, drops and goes back: supervisor, agent and drimboxctl")
        func orders() throws {
            try play("update_orders.py", Bench.release, steps: 25)
        }
    }
}
