// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    /// What the units run, as they ship: drimbox-probe makes the challenge, drimbox-shell judges the response.
    @Suite(
        "Root lets a break-glass shell start",
        .enabled(
            if: Bench.hasExecutables && Bench.has("openssl"),
            "needs the release executables and openssl"
        )
    )
    struct ShellTests {
        private let directory: TemporaryDirectory
        private var key: String { directory.appending("vendor.pem").path }
        private var response: URL { directory.appending("run/shell-response") }

        init() throws {
            directory = try TemporaryDirectory()
            for name in ["root", "run"] {
                try FileManager.default.createDirectory(
                    at: directory.appending(name),
                    withIntermediateDirectories: false
                )
            }
            let made = try run("/usr/bin/openssl", ["genpkey", "-algorithm", "ed25519", "-out", key])
            try #require(made.status == 0)
            let der = try run(
                "/bin/sh",
                ["-c", "openssl pkey -in '\(key)' -pubout -outform DER | tail -c 32 | base64"]
            )
            let document: [String: Any] = [
                "site": "Test", "runtimeDirectory": directory.appending("run").path,
                "admin": ["shellKeys": [der.output.trimmingCharacters(in: .whitespacesAndNewlines)]],
                "gateway": [
                    "dicom": ["aeTitle": "DRIMBOX", "listen": ["127.0.0.1:0"]],
                    "web": ["listen": ["127.0.0.1:0"], "authorization": "none"],
                ] as [String: Any],
            ]
            try JSONSerialization.data(withJSONObject: document)
                .write(to: directory.appending("drimbox.json"))
        }

        private func challenge() throws -> String {
            let request = #"{"shellChallenge":{"terminal":"ttyS0","asksTPM":false}}"#
            let result = try run(
                Bench.release.appending(path: "drimbox-probe").path,
                ["--shell", directory.appending("root").path, "--request", request]
            )
            let found = result.output.firstMatch(of: /"challenge":"([^"]+)"/)
            return String(try #require(found, "\(result)").1)
        }

        private func answer(_ challenge: String) throws -> String {
            let tool = Bench.repository.appending(path: "image/vendor/shell-response").path
            let result = try run(tool, [key, challenge])
            try #require(result.status == 0)
            return result.output.split(separator: "\n").filter {
                !$0.hasPrefix("box ") && !$0.hasPrefix("Its ")
            }
            .joined(separator: " ")
        }

        private func opens(_ terminal: String = "ttyS0") throws -> Bool {
            let result = try run(
                Bench.release.appending(path: "drimbox-shell").path,
                [
                    "--config", directory.appending("drimbox.json").path, "--directory",
                    directory.appending("root").path, terminal,
                ]
            )
            return result.status == 0
        }

        @Test("for the vendor's signature, once; a go-ahead without one, a replay, another line's are none")
        func judged() throws {
            let isThere = { FileManager.default.fileExists(atPath: directory.appending("root/opened").path) }
            // Who has taken the supervisor over writes what it likes, and starts the unit.
            try #require(try !opens())
            try Data(String(repeating: "A", count: 103).utf8).write(to: response)
            let first = try challenge()
            #expect(try !opens())
            let good = try answer(first)
            try Data(good.utf8).write(to: response)
            #expect(try !opens() && !isThere())

            try Data(try answer(try challenge()).utf8).write(to: response)
            #expect(try !opens("ttyS1") && !isThere())

            // No response at all spends it, too.
            let unanswered = try answer(try challenge())
            try FileManager.default.removeItem(at: response)
            #expect(try !opens())
            try Data(unanswered.utf8).write(to: response)
            #expect(try !opens() && !isThere())

            let second = try answer(try challenge())
            try Data((second + "\n").utf8).write(to: response)
            #expect(try opens() && isThere())
            #expect(try !opens())
            _ = try challenge()
            #expect(try !opens())
        }

        @Test("what lies in the response's place and is no file is not followed, and nothing waits for it")
        func places() throws {
            let elsewhere = directory.appending("elsewhere")
            try Data(try answer(try challenge()).utf8).write(to: elsewhere)
            try FileManager.default.createSymbolicLink(at: response, withDestinationURL: elsewhere)
            #expect(try !opens())
            try FileManager.default.removeItem(at: response)
            let unread = try answer(try challenge())
            #expect(mkfifo(response.path, 0o600) == 0)
            #expect(try !opens())
            try FileManager.default.removeItem(at: response)
            // Both challenges are spent all the same.
            try Data(unread.utf8).write(to: response)
            #expect(try !opens())
            try Data(try answer(try challenge()).utf8).write(to: response)
            #expect(try opens())
        }
    }
}
