// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("drimboxd and the hardware that it looks after") struct HardwareTests {
        private let directory: TemporaryDirectory
        private var socket: String { directory.appending("run/admin.sock").path }

        init() throws { directory = try TemporaryDirectory() }

        private static let hasTPM = FileManager.default.isExecutableFile(atPath: "/usr/bin/swtpm")
        private static let fixtures = Bench.repository.appending(path: "Tests/HealthTests/Fixtures/smartctl")

        /// A supervisor without a network, whose probe asks `tcti` and the program `smartctl`.
        private func box(tcti: String = "device:/nowhere", tpm: Bool = false, smartctl: String? = nil) throws
            -> Server
        {
            let document: [String: Any] = [
                "site": "Test", "stateDirectory": directory.appending("state").path,
                "runtimeDirectory": directory.appending("run").path, "admin": ["socket": socket],
                "health": [
                    "tpm": tpm, "disks": smartctl != nil, "tcti": tcti,
                    "smartctl": smartctl ?? "/usr/sbin/smartctl",
                ] as [String: Any],
                "gateway": [
                    "executable": Bench.repository.appending(path: "Tests/Support/fake_gateway.py").path,
                    "dicom": ["aeTitle": "DRIMBOX", "listen": ["127.0.0.1:0"]],
                    "web": ["listen": ["127.0.0.1:0"], "authorization": "none"],
                ] as [String: Any],
            ]
            let file = directory.appending("drimbox.json")
            try JSONSerialization.data(withJSONObject: document).write(to: file)
            let server = try Server(
                Bench.release.appending(path: "drimboxd").path,
                ["--config", file.path],
                log: directory.appending("drimboxd.log")
            )
            let isUp = try eventually { try ctl(["status"]).status != 6 }
            try #require(isUp, "\(server.logText.suffix(2000))")
            return server
        }

        private func ctl(_ arguments: [String]) throws -> CommandResult {
            try run(Bench.release.appending(path: "drimboxctl").path, ["--socket", socket] + arguments)
        }

        private func issues() throws -> String { try ctl(["-o", "json", "issues"]).output }

        /// Looks at everything at once, as after a device event.
        private func check() throws {
            let result = try run(
                "/usr/bin/curl",
                [
                    "-s", "--max-time", "60", "--unix-socket", socket, "-X", "POST",
                    "http://box/v1/health/check",
                ]
            )
            #expect(result.status == 0)
        }

        private func swtpm(_ name: String) throws -> Server {
            let folder = directory.appending(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let server = try Server(
                Bench.repository.appending(path: "Tests/Support/swtpm").path,
                [folder.path],
                log: directory.appending("\(name).log")
            )
            let isUp = eventually {
                ["srv", "srv.ctrl"].allSatisfy {
                    FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
                }
            }
            try #require(isUp, "\(server.logText.suffix(2000))")
            return server
        }

        private func tcti(_ name: String) -> String {
            "swtpm:path=\(directory.appending(name).appending(path: "srv").path)"
        }

        @Test(
            "a TPM is there and well; mute it is an issue and the box goes on; alive again the issue goes",
            .enabled(if: hasTPM, "needs swtpm")
        )
        func muteTPM() throws {
            let chip = try swtpm("chip")
            let daemon = try box(tcti: tcti("chip"), tpm: true)
            #expect(try eventually { try ctl(["health"]).output.contains("tpm") })
            #expect(try !issues().contains("E-TPM"))
            #expect(try ctl(["events"]).output.contains("tpm.pinned"))
            chip.signal(SIGSTOP)
            try check()
            #expect(try issues().contains("E-TPM-01"))
            #expect(try ctl(["services"]).output.contains("running"))
            chip.signal(SIGCONT)
            try check()
            #expect(try !issues().contains("E-TPM-01"))
            #expect(daemon.end() == 0)
        }

        @Test("the TPM signs a request that openssl verifies", .enabled(if: hasTPM, "needs swtpm"))
        func certificateRequest() throws {
            let chip = try swtpm("chip")
            let daemon = try box(tcti: tcti("chip"))
            let result = try ctl(["enrol", "csr", "DRX-0042", "--organization", "CHU Nord"])
            #expect(result.status == 0, "\(result.errors)")
            let file = directory.appending("box.csr")
            try result.output.write(to: file, atomically: true, encoding: .utf8)
            let check = try run(
                "/usr/bin/openssl",
                ["req", "-verify", "-noout", "-subject", "-in", file.path]
            )
            #expect(check.status == 0)
            #expect(check.output.contains("CN = DRX-0042"))
            // The key stays the same.
            let again = try ctl(["enrol", "csr", "DRX-0042"])
            #expect(again.status == 0)
            #expect(daemon.end() == 0)
            chip.signal(SIGTERM)
        }

        @Test("another TPM in the same box is a changed board", .enabled(if: hasTPM, "needs swtpm"))
        func replacedTPM() throws {
            let first = try swtpm("first")
            let daemon = try box(tcti: tcti("first"), tpm: true)
            #expect(try eventually { try ctl(["events"]).output.contains("tpm.pinned") })
            #expect(daemon.end() == 0)
            let second = try swtpm("second")
            let again = try box(tcti: tcti("second"), tpm: true)
            #expect(try eventually { try issues().contains("E-TPM-04") })
            #expect(again.end() == 0)
            for chip in [first, second] { chip.signal(SIGTERM) }
        }

        @Test("no TPM where there should be one is an issue") func noTPM() throws {
            let daemon = try box(tpm: true)
            #expect(try eventually { try issues().contains("E-TPM-02") })
            #expect(daemon.end() == 0)
        }

        /// Stands for smartctl: prints a recording and ends with its status, whatever device is asked for.
        private func smartctl(_ body: String) throws -> String {
            let file = directory.appending("smartctl")
            try "#!/bin/sh\n\(body)\n".write(to: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
            return file.path
        }

        private func probe(_ smartctl: String) throws -> CommandResult {
            try run(
                Bench.release.appending(path: "drimbox-probe").path,
                ["--smartctl", smartctl, "--request", #"{"disk":{"device":"/dev/sda"}}"#]
            )
        }

        @Test("the probe asks smartctl, and its exit bits and report become the answer") func disk() throws {
            let recording = Self.fixtures.appending(path: "hitachi-hds721050dle630.json").path
            let failing = try probe(try smartctl("cat \(recording); exit 216"))
            #expect(failing.status == 0)
            #expect(failing.output.contains(#""state":"failing""#))
            #expect(failing.output.contains("HDS721050DLE630"))
            let good = Self.fixtures.appending(path: "samsung-ssd-970-evo-plus-250gb.json").path
            #expect(try probe(try smartctl("cat \(good)")).output.contains(#""state":"good""#))
            #expect(try probe(try smartctl("echo rubbish; exit 1")).output.contains(#""state":"unreadable""#))
        }

        @Test("a request that is not ours, and a device that is none, are refused") func refused() throws {
            let executable = Bench.release.appending(path: "drimbox-probe").path
            for request in [
                "", "{}", "rubbish", #"{"disk":{"device":"/etc/passwd"}}"#,
                #"{"disk":{"device":"/dev/../x"}}"#,
                #"{"disk":{"device":"/dev/sda;reboot"}}"#, #"{"shell":{"command":"sh"}}"#,
            ] {
                let result = try run(executable, ["--request", request])
                #expect(
                    result.status == 0 && result.output.contains("refused"),
                    "\(request): \(result.output)"
                )
            }
        }
    }
}
