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

        @Test("SIGTERM ends both, and drimboxctl then says that nobody answers: exit 6")
        func end() throws {
            let gateway = try #require(try gatewayPID())
            #expect(daemon.end() == 0)
            #expect(kill(gateway, 0) == -1)
            #expect(try ctl(["status"]).status == 6)
        }
    }
}
