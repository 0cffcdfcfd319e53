// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("drimboxd with a real gateway, asked by drimboxctl") struct SupervisionTests {
        private let directory: TemporaryDirectory
        private let daemon: Server
        private let socket: String

        init() throws {
            directory = try TemporaryDirectory()
            socket = directory.appending("run/admin.sock").path
            let document: [String: Any] = [
                "site": "Test", "stateDirectory": directory.appending("state").path,
                "runtimeDirectory": directory.appending("run").path, "admin": ["socket": socket],
                "gateway": [
                    "executable": Bench.release.appending(path: "drimbox-gateway").path,
                    "spool": ["capacityBytes": 64 << 20, "segmentBytes": 8 << 20],
                    "dicom": ["aeTitle": "DRIMBOX", "listen": ["127.0.0.1:\(try Bench.freePort())"]],
                    "web": ["listen": ["127.0.0.1:\(try Bench.freePort())"], "authorization": "none"],
                ] as [String: Any],
            ]
            let file = directory.appending("drimbox.json")
            try JSONSerialization.data(withJSONObject: document).write(to: file)
            daemon = try Server(
                Bench.release.appending(path: "drimboxd").path,
                ["--config", file.path],
                log: directory.appending("drimboxd.log")
            )
            let isRunning = try eventually { try gatewayPID() != nil }
            try #require(isRunning, "\(daemon.logText.suffix(2000))")
        }

        private func ctl(_ arguments: [String]) throws -> CommandResult {
            try run(Bench.release.appending(path: "drimboxctl").path, ["--socket", socket] + arguments)
        }

        /// Of the gateway while it runs.
        private func gatewayPID() throws -> Int32? {
            let result = try ctl(["-o", "json", "services"])
            guard result.status == 0, let text = result.output.firstMatch(of: /"pid":\s*(\d+)/),
                result.output.contains("\"running\"")
            else { return nil }
            return Int32(text.1)
        }

        @Test("a killed gateway comes back, and the event stream and the status tell of it")
        func restart() throws {
            let first = try #require(try gatewayPID())
            #expect(try ctl(["status"]).status == 0)
            kill(first, SIGKILL)
            let isBack = try eventually(within: 60) {
                guard let pid = try gatewayPID() else { return false }
                return pid != first
            }
            #expect(isBack)
            #expect(try ctl(["events"]).output.contains("service."))
            #expect(try ctl(["metrics"]).output.hasSuffix("# EOF\n"))
            #expect(try ctl(["--lang", "fr", "status"]).status == 0)
            #expect(try ctl(["--lang", "fr", "status"]).output != ctl(["--lang", "en", "status"]).output)
        }

        /// `config edit` with a shell command in the editor's place; `$1` is the file.
        private func edit(_ command: String, _ options: [String] = []) throws -> CommandResult {
            let editor = directory.appending("editor")
            try "#!/bin/sh\n\(command)\n".write(to: editor, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: editor.path)
            return try run(
                "/usr/bin/env",
                [
                    "-u", "VISUAL", "EDITOR=\(editor.path)", "TMPDIR=\(directory.url.path)",
                    Bench.release.appending(path: "drimboxctl").path, "--socket", socket, "--lang", "en",
                    "config", "edit", "--confirm", "none",
                ] + options
            )
        }

        /// Edited documents that were kept.
        private func kept() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
                .filter { $0.hasPrefix("drimbox-") && $0.hasSuffix(".json") }
        }

        @Test(
            "an edited document is tried against the revision it began from, and is kept where it is refused"
        )
        func edit() throws {
            let unchanged = try edit("touch $1")
            #expect(unchanged.status == 0 && unchanged.output.contains("nothing changes"))
            #expect(try edit("exit 1").status == 1)
            #expect(try kept().isEmpty)
            #expect(!(try ctl(["config", "history"]).output.contains("edited")))

            let changed = try edit(#"sed -i 's/"Test"/"Nord"/' $1"#, ["--reason", "renamed"])
            #expect(changed.status == 0 && changed.output.contains(#"site  "Test" -> "Nord""#))
            #expect(try kept().isEmpty)
            #expect(try ctl(["audit", "ls"]).output.contains("renamed"))

            let invalid = try edit(#"sed -i 's/"site"/"sitte"/' $1"#)
            #expect(invalid.status == 3)
            let file = try #require(try kept().first)
            #expect(try String(contentsOf: directory.appending(file), encoding: .utf8).contains("sitte"))
            try FileManager.default.removeItem(at: directory.appending(file))

            let ctl = "\(Bench.release.appending(path: "drimboxctl").path) --socket \(socket)"
            let late = try edit(
                #"sed -i 's/"Nord"/"Sud"/' $1; \#(ctl) config set site=Ouest --confirm none"#
            )
            #expect(late.status == 5)
            #expect(try kept().count == 1)
            #expect(try self.ctl(["config", "get", "site"]).output.contains("Ouest"))
        }

        @Test("SIGTERM ends both, and drimboxctl then says that nobody answers: exit 6")
        func end() throws {
            let gateway = try #require(try gatewayPID())
            #expect(daemon.end() == 0)
            #expect(kill(gateway, 0) == -1)
            #expect(try ctl(["status"]).status == 6)
        }
    }
}
