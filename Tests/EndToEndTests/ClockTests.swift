// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("Clocks that jump, and peers far away") struct ClockTests {
        @Test(
            "the wall clock jumps a day ahead and two days back: nothing is lost, nothing waits for it",
            .enabled(if: Bench.has("gcc"), "needs gcc")
        )
        func jump() throws {
            let directory = try TemporaryDirectory()
            let clock = directory.appending("clock")
            try Data("0".utf8).write(to: clock)
            let library = directory.appending("jumping_clock.so").path
            let source = Bench.support.appending(path: "jumping_clock.c").path
            let compiled = try run("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source])
            try #require(compiled.status == 0, "\(compiled.errors)")
            var settings = GatewayUnderTest.Settings()
            settings.environment = ["LD_PRELOAD": library, "CLOCK_OFFSET": clock.path]
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 30)
            let files = try Bench.files(in: study).map(\.path)
            for (index, offset) in ["0", "86400", "-172800"].enumerated() {
                try Data(offset.utf8).write(to: clock)
                let some = files[index * 10..<index * 10 + 10]
                let sent = try run(
                    "storescu",
                    ["-aec", "DRIMBOX", "127.0.0.1", "\(gateway.dicomPort)"] + some,
                    environment: ["TCP_NODELAY": "1"],
                    seconds: 60
                )
                #expect(sent.status == 0, "\(offset): \(sent.errors)")
                #expect(try gateway.json("/instances").count == index * 10 + 10)
            }
            // The jumps were seen, or this test shows nothing.
            let days = Set(
                gateway.server.logText.split(separator: "\n").compactMap { line in
                    line.split(separator: "=").dropFirst().first?.prefix(10)
                }
            )
            #expect(days.count >= 3, "\(days)")
            gateway.server.end(SIGKILL)
            try gateway.restart()
            let output = try directory.directory("out")
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            try gateway.retrieve("/studies/\(uid)", into: output)
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        @Test("200 ms each way to the archive: everything arrives, in and out") func delay() throws {
            let directory = try TemporaryDirectory()
            let archive = try directory.directory("archive")
            let (near, far) = (try Bench.freePort(), try Bench.freePort())
            let storescp = try Server(
                "storescp",
                ["--bit-preserving", "+xa", "-od", archive.path, "\(far)"],
                log: directory.appending("storescp.log")
            )
            defer { storescp.end(SIGKILL) }
            let link = Bench.support.appending(path: "delayed_link.py").path
            let out = try Server(
                "/usr/bin/python3",
                [link, "\(near)", "\(far)", "200"],
                log: directory.appending("out.log")
            )
            defer { out.end(SIGKILL) }
            var settings = GatewayUnderTest.Settings()
            settings.peers = [
                [
                    "aeTitle": "ARCHIVE", "host": "127.0.0.1", "port": near, "roles": ["store"],
                    "maximumAssociations": 4,
                ]
            ]
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 32, rows: 256)
            let inPort = try Bench.freePort()
            let into = try Server(
                "/usr/bin/python3",
                [link, "\(inPort)", "\(gateway.dicomPort)", "200"],
                log: directory.appending("in.log")
            )
            defer { into.end(SIGKILL) }
            let isUp = try eventually(within: 20) {
                try run("echoscu", ["-aec", "DRIMBOX", "127.0.0.1", "\(inPort)"]).status == 0
            }
            #expect(isUp)
            let sent = try run(
                "storescu",
                ["-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(inPort)", study.path],
                environment: ["TCP_NODELAY": "1"],
                seconds: 120
            )
            #expect(sent.status == 0, "\(sent.errors)")
            let echo = try gateway.call("/v1/peers/ARCHIVE/echo", [:])
            #expect(try #require(echo["milliseconds"] as? Double) >= 400, "\(echo)")
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            let job = try gateway.transfer(["kind": "push", "peer": "ARCHIVE", "study": uid], seconds: 120)
            #expect(job["state"] as? String == "succeeded", "\(job)")
            let comparison = try Bench.compare(study, archive)
            #expect(comparison.status == 0, "\(comparison.output)")
        }
    }
}
