// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Testing
import Transfer

extension EndToEnd {
    @Suite("Archives that misbehave") struct FaultyArchiveTests {
        private struct Site {
            let gateway: GatewayUnderTest
            let archive: Server
            let study: URL
            let uid: String
        }

        private func site(_ directory: TemporaryDirectory, _ mode: String) throws -> Site {
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 20)
            let ports = (box: try Bench.freePort(), archive: try Bench.freePort())
            let archive = try Server(
                Bench.python,
                [
                    Bench.support.appending(path: "faulty_archive.py").path, mode, "\(ports.archive)",
                    "\(ports.box)", study.path,
                ],
                log: directory.appending("archive.log")
            )
            let isUp = try eventually(within: 30) {
                try run("echoscu", ["-aec", "FAULTY", "127.0.0.1", "\(ports.archive)"]).status == 0
            }
            try #require(isUp, "\(archive.logText)")
            var settings = GatewayUnderTest.Settings()
            settings.dicomPort = ports.box
            settings.peers = [
                ["aeTitle": "FAULTY", "host": "127.0.0.1", "port": ports.archive, "roles": ["find", "move"]]
            ]
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), settings)
            let file = try #require(try Bench.files(in: study).first)
            let dump = try run("dcmdump", ["+P", "0020,000d", file.path]).output
            let uid = try #require(
                dump.split(separator: "[").last?.split(separator: "]").first.map(String.init)
            )
            return Site(gateway: gateway, archive: archive, study: study, uid: uid)
        }

        @Test(
            "an archive that aborts in the middle of a C-MOVE is asked again for the rest; one that sends no pending responses is waited for",
            arguments: ["abort", "silent"]
        )
        func recovers(mode: String) throws {
            let directory = try TemporaryDirectory()
            let site = try site(directory, mode)
            defer { site.archive.end(SIGKILL) }
            let output = try directory.directory("out")
            try site.gateway.retrieve("/studies/\(site.uid)", into: output)
            let comparison = try Bench.compare(site.study, output)
            #expect(comparison.status == 0, "\(comparison.output) \(site.gateway.server.logText)")
        }

        @Test(
            "A702: the reader gets a broken response, never a short one that looks whole; the event says why"
        )
        func outOfResources() throws {
            let directory = try TemporaryDirectory()
            let site = try site(directory, "a702")
            defer { site.archive.end(SIGKILL) }
            let result = try Bench.curl([
                "--silent", "--output", "/dev/null", "--header", "Accept: multipart/related",
                "\(site.gateway.url)/studies/\(site.uid)",
            ])
            // curl 18: the transfer ended before the last chunk.
            #expect(result.status == 18)
            #expect(site.gateway.server.logText.contains("A702"))
        }

        @Test(
            "an instance that the archive lists and does not deliver: a broken response, then 206 with a warning, and the rest is kept"
        )
        func skips() throws {
            let directory = try TemporaryDirectory()
            let site = try site(directory, "skip")
            defer { site.archive.end(SIGKILL) }
            let path = "/studies/\(site.uid)"
            let first = try Bench.curl([
                "--silent", "--output", "/dev/null", "--header", "Accept: multipart/related",
                site.gateway.url + path,
            ])
            #expect(first.status == 18)
            let second = try site.gateway.fetch(path, accept: "multipart/related")
            #expect(second.status == 206)
            #expect(try site.gateway.json("\(path)/instances").count == 19)
        }
    }

    @Suite("Peers that say nothing, and many of them") struct EnduranceTests {
        @Test("a peer that takes the connection and never answers is given up, and named") func halfOpen()
            async throws
        {
            let directory = try TemporaryDirectory()
            let port = try Bench.freePort()
            let silent = try Server(
                "/usr/bin/python3",
                [
                    "-c",
                    "import socket,time; s=socket.create_server(('127.0.0.1',\(port))); c=s.accept(); time.sleep(60)",
                ],
                log: directory.appending("silent.log")
            )
            defer { silent.end(SIGKILL) }
            let client = try ClientUnderTest(in: directory)
            var peer = try ClientUnderTest.peer("SILENT", port)
            peer.timeouts.associateSeconds = 1
            let isOpen = try eventually {
                try run("/bin/sh", ["-c", "grep -qi ':\(String(port, radix: 16)) ' /proc/net/tcp"]).status
                    == 0
            }
            #expect(isOpen)
            await #expect(throws: AssociationError.timedOut(waitingFor: "A-ASSOCIATE-RQ", seconds: 1)) {
                try await client.client.echo(peer)
            }
            await client.end()
        }

        @Test("1,000 associations leave no descriptor and no memory behind") func associations() async throws
        {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let client = try ClientUnderTest(in: directory)
            let peer = try ClientUnderTest.peer("DRIMBOX", gateway.dicomPort)
            func descriptors(_ pid: String) throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
            }
            for _ in 0..<100 { _ = try await client.client.echo(peer) }
            let before = (
                box: try descriptors("\(gateway.server.pid)"), own: try descriptors("self"),
                memory: gateway.server.memory("VmRSS")
            )
            for _ in 0..<900 { _ = try await client.client.echo(peer) }
            _ = try eventually { try descriptors("\(gateway.server.pid)") <= before.box }
            #expect(try descriptors("\(gateway.server.pid)") <= before.box)
            #expect(try descriptors("self") <= before.own + 2)
            #expect(gateway.server.memory("VmRSS") < before.memory + (8 << 10))
            await client.end()
        }
    }

    /// Root and network namespaces: `ip netns`, `nft`. A lost packet is dropped by a rule, a cut link by all.
    @Suite(
        "A bad network",
        .enabled(if: BadNetwork.isAvailable, "needs root, ip netns and nft")
    )
    struct BadNetworkTests {
        @Test("3 % of the packets lost: every instance that was acknowledged is there") func loss() throws {
            let directory = try TemporaryDirectory()
            let network = try BadNetwork()
            let gateway = try GatewayUnderTest(in: directory.url, inside: network)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 40, rows: 128)
            try network.drop(percent: 3)
            let sent = try network.run(
                "storescu",
                ["-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", study.path],
                seconds: 240
            )
            try network.heal()
            #expect(sent.status == 0, "\(sent.errors)")
            let output = try directory.directory("out")
            try gateway.retrieve(
                "/studies/\(try #require(try gateway.json("/studies").first?.string("0020000D")))",
                into: output
            )
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }

        /// Takes about 40 s.
        @Test("a link cut for 30 s in the middle of an instance: the push goes on and all of it arrives")
        func cut()
            throws
        {
            let directory = try TemporaryDirectory()
            let network = try BadNetwork()
            let output = try directory.directory("archive")
            let port = try Bench.freePort()
            let archive = try network.server(
                "storescp",
                ["--bit-preserving", "+xa", "-od", output.path, "\(port)"],
                log: directory.appending("storescp.log")
            )
            defer { archive.end(SIGKILL) }
            var settings = GatewayUnderTest.Settings()
            settings.peers = [
                [
                    "aeTitle": "ARCHIVE", "host": "127.0.0.1", "port": port, "roles": ["store"],
                    "maximumAssociations": 1, "bytesPerSecond": 2_000_000,
                ]
            ]
            let gateway = try GatewayUnderTest(in: directory.directory("box"), settings, inside: network)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 12, rows: 512)
            let sent = try network.run(
                "storescu",
                ["-aec", "DRIMBOX", "+sd", "+r", "127.0.0.1", "\(gateway.dicomPort)", study.path]
            )
            #expect(sent.status == 0)
            let uid = try #require(try gateway.json("/studies").first?.string("0020000D"))
            let job = try gateway.call("/v1/transfers", ["kind": "push", "peer": "ARCHIVE", "study": uid])
            let id = try #require(job["id"] as? String)
            sleep(1)
            try network.drop(percent: 100)
            sleep(30)
            try network.heal()
            var end: [String: Any] = [:]
            let isDone = try eventually(within: 120) {
                end = try gateway.call("/v1/transfers/\(id)")
                return !["queued", "running"].contains(end["state"] as? String ?? "")
            }
            #expect(isDone && end["state"] as? String == "succeeded", "\(end)")
            let comparison = try Bench.compare(study, output)
            #expect(comparison.status == 0, "\(comparison.output)")
        }
    }
}

/// A network namespace of the test, whose loopback loses what it is told to lose.
final class BadNetwork {
    static let isAvailable: Bool = {
        guard getuid() == 0, Bench.has("ip"), Bench.has("nft") else { return false }
        let name = "drimbox-probe-\(getpid())"
        guard (try? EndToEndTests.run("ip", ["netns", "add", name]))?.status == 0 else { return false }
        let works =
            (try? EndToEndTests.run("ip", ["netns", "exec", name, "nft", "add", "table", "inet", "x"]))?
            .status == 0
        _ = try? EndToEndTests.run("ip", ["netns", "del", name])
        return works
    }()

    let name = "drimbox-\(UUID().uuidString.prefix(8))"

    init() throws {
        try #require(try EndToEndTests.run("ip", ["netns", "add", name]).status == 0)
        try #require(try run("ip", ["link", "set", "lo", "up"]).status == 0)
        try heal()
    }

    deinit {
        _ = try? EndToEndTests.run("ip", ["netns", "del", name])
    }

    func run(_ tool: String, _ arguments: [String], seconds: Double = 120) throws -> CommandResult {
        let path = try #require(Bench.find(tool), "\(tool) is not installed")
        return try EndToEndTests.run("ip", ["netns", "exec", name, path] + arguments, seconds: seconds)
    }

    /// `ip netns exec` becomes the program, so that its PID is the program's.
    func server(_ executable: String, _ arguments: [String], log: URL) throws -> Server {
        let path = try #require(Bench.find(executable), "\(executable) is not installed")
        return try Server("ip", ["netns", "exec", name, path] + arguments, log: log)
    }

    func drop(percent: Int) throws {
        let rule = percent >= 100 ? "drop" : "numgen random mod 100 < \(percent) drop"
        let text = """
            flush ruleset
            table inet bad {
              chain input {
                type filter hook input priority 0
                \(rule)
              }
            }

            """
        let result = try EndToEndTests.run(
            "/bin/sh",
            ["-c", "printf '%s' \"$0\" | ip netns exec \(name) nft -f -", text]
        )
        try #require(result.status == 0, "\(result.errors)")
    }

    func heal() throws {
        _ = try run("nft", ["flush", "ruleset"])
    }
}
