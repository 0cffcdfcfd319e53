// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("Limits, refusals and peers that vanish") struct LimitTests {
        /// A spool that is soon full.
        private static var small: GatewayUnderTest.Settings {
            var settings = GatewayUnderTest.Settings()
            settings.capacityBytes = 16 << 20
            settings.segmentBytes = 4 << 20
            return settings
        }

        @Test("a full spool answers A700, keeps what it acknowledged and goes on serving")
        func fullSpool() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url, Self.small)
            let report = try gateway.store(["--count", "40", "--size", "1000000"])
            let full = report.answers.values.filter { $0.status == "A700" }
            #expect(report.stored.count >= 8)
            #expect(full.count >= 20)
            #expect(full.first?.comment.isEmpty == false)
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/2.25.4711", into: output)
            let digests = try Bench.dataSetDigests(output)
            #expect(Set(digests.keys) == report.stored)
            for (uid, digest) in digests { #expect(report.sent[uid] == digest) }
            #expect(gateway.server.process.isRunning)
        }

        @Test("STOW-RS into a full spool: each part's answer says whether it is kept, and it is")
        func fullSpoolOverTheWeb() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: try directory.directory("box"), Self.small)
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 40, rows: 512)
            let script = Bench.support.appending(path: "dicomweb_store.py").path
            let result = try run(Bench.python, [script, gateway.url] + Bench.files(in: study).map(\.path))
            #expect(result.status == 0, "\(result.errors)")
            let answer = try #require(
                try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            )
            let stored = Set(try #require(answer["stored"] as? [String]))
            let failed = try #require(answer["failed"] as? [[Any]])
            #expect(stored.count >= 16)
            #expect(stored.count + failed.count == 40)
            #expect(!failed.isEmpty)
            // A700, PS3.18 Table I.2-2.
            #expect(failed.allSatisfy { $0.last as? Int == 0xA700 }, "\(failed)")
            let kept = try gateway.json("/instances").compactMap { $0.string("00080018") }
            #expect(Set(kept) == stored)
            let output = try directory.directory("out")
            let name = try #require(try gateway.json("/studies").first?.string("0020000D"))
            try gateway.retrieve("/studies/\(name)", into: output)
            #expect(Set(try Bench.dataSetDigests(output).keys) == stored)
            let sent = try Bench.dataSetDigests(study)
            for (uid, digest) in try Bench.dataSetDigests(output) { #expect(sent[uid] == digest) }
        }

        @Test("instances that were pulled make room for new ones, oldest first")
        func eviction() throws {
            let directory = try TemporaryDirectory()
            var settings = Self.small
            settings.peers = [
                ["aeTitle": "PACS", "host": "127.0.0.1", "port": 4242, "roles": ["store"], "sends": "pulled"]
            ]
            let gateway = try GatewayUnderTest(in: directory.url, settings)
            let report = try gateway.store(["--calling", "PACS", "--count", "60", "--size", "1000000"])
            #expect(report.stored.count == 60)
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/2.25.4711", into: output)
            let digests = try Bench.dataSetDigests(output)
            #expect((4..<20).contains(digests.count))
            #expect(digests["2.25.4711.1.60"] != nil)
            #expect(digests["2.25.4711.1.1"] == nil)
            for (uid, digest) in digests { #expect(report.sent[uid] == digest) }
        }

        @Test("64 associations at once are served, one more is told to come back")
        func manyAssociations() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            let report = try gateway.store([
                "--associations", "65", "--count", "4", "--size", "500000", "--hold", "1", "--no-hash",
            ])
            #expect(report.accepted == 64)
            // Rejected transient, by the presentation provider, local limit exceeded (PS3.8 table 9-21).
            #expect(report.rejections == ["2 3 2"])
            #expect(report.stored.count == 64 * 4)
            #expect(gateway.server.memory("VmHWM") <= (64 + 4 * 64) * 1024)
        }

        @Test("an instance of 2 GB passes, and memory does not grow with it")
        func twoGigabytes() throws {
            let directory = try TemporaryDirectory()
            var settings = GatewayUnderTest.Settings()
            settings.capacityBytes = 6 << 30
            settings.segmentBytes = 64 << 20
            let gateway = try GatewayUnderTest(in: directory.url, settings)
            let size = 2_000_000_000
            let report = try gateway.store(["--count", "1", "--size", "\(size)", "--pdu", "131072"])
            #expect(report.stored.count == 1)
            let (uid, digest) = try #require(report.sent.first)
            let file = directory.appending("large")
            let result = try Bench.curl([
                "--silent", "--fail", "--output", file.path, "--header",
                "Accept: application/dicom; transfer-syntax=*",
                gateway.url + "/studies/2.25.4711/series/2.25.4711.1/instances/\(uid)",
            ])
            #expect(result.status == 0)
            let folder = try directory.directory("one")
            try FileManager.default.moveItem(at: file, to: folder.appending(path: "large"))
            #expect(try Bench.dataSetDigests(folder) == [uid: digest])
            #expect(gateway.server.memory("VmHWM") <= 64 * 1024)
        }

        @Test("a peer that vanishes in mid-instance leaves no trace and disturbs nobody")
        func vanishedPeer() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            for cut in [1, 1000, 200_000, 900_000] {
                let report = try gateway.store(["--count", "1", "--size", "1000000", "--cut-after", "\(cut)"])
                #expect(report.stored.isEmpty)
            }
            #expect(try gateway.fetch("/studies/2.25.4711", accept: "multipart/related").status == 404)
            #expect(try gateway.store(["--count", "3"]).stored.count == 3)
            let cutsCounted = try eventually {
                let associations = try #require(gateway.pipeline()["associations"] as? [String: Any])
                return associations["aborted"] as? Int == 4 && associations["open"] as? Int == 0
            }
            #expect(cutsCounted)
        }

        @Test("a silent peer is let go: before its request (ARTIM) and inside an association (idle)")
        func silence() throws {
            let directory = try TemporaryDirectory()
            var settings = GatewayUnderTest.Settings()
            settings.artimSeconds = 1
            settings.idleSeconds = 1
            let gateway = try GatewayUnderTest(in: directory.url, settings)
            let mute = try run(
                "/usr/bin/python3",
                [
                    "-c",
                    """
                    import socket
                    s = socket.create_connection(("127.0.0.1", \(gateway.dicomPort))); s.settimeout(20)
                    print(len(s.recv(100)))
                    """,
                ]
            )
            #expect(mute.output.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
            let idle = try gateway.store(["--count", "1", "--hold", "4"])
            #expect(idle.stored.count == 1)
            let isAborted = try eventually {
                let associations = try #require(gateway.pipeline()["associations"] as? [String: Any])
                return associations["aborted"] as? Int == 1
            }
            #expect(isAborted)
        }

        @Test("refusals carry the status and the reason of the standard")
        func refusals() throws {
            let directory = try TemporaryDirectory()
            var settings = GatewayUnderTest.Settings()
            settings.acceptUnknownPeers = false
            settings.peers = [["aeTitle": "KNOWN", "host": "127.0.0.1", "port": 104, "roles": ["store"]]]
            let gateway = try GatewayUnderTest(in: directory.url, settings)
            func answer(_ arguments: [String]) throws -> RawSCUReport.Answer? {
                try gateway.store(["--calling", "KNOWN", "--count", "1"] + arguments).answers.values.first
            }
            #expect(try gateway.store(["--calling", "STRANGER"]).rejections == ["1 1 3"])
            #expect(try gateway.store(["--calling", "KNOWN", "--called", "OTHER"]).rejections == ["1 1 7"])
            #expect(try answer(["--wrong-class"])?.status == "A900")
            #expect(try answer(["--wrong-instance"])?.status == "A900")
            let missing = try #require(try answer(["--no-study"]))
            #expect(missing.status == "C000")
            #expect(missing.comment.contains("(0020,000D)"))
            #expect(try gateway.json("/studies").isEmpty)
            let pipeline = try #require(gateway.pipeline()["receive"] as? [String: Any])
            #expect(pipeline["refused"] as? [String: Int] == ["A900": 2, "C000": 1])
        }

        @Test("the same instance twice is stored once; other bytes under its UID replace it, with an event")
        func duplicates() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            #expect(try gateway.store(["--count", "5"]).stored.count == 5)
            let used = try #require((gateway.pipeline()["spool"] as? [String: Any])?["instances"] as? Int)
            #expect(used == 5)
            #expect(try gateway.store(["--count", "5"]).stored.count == 5)
            var receive = try #require(gateway.pipeline()["receive"] as? [String: Any])
            #expect(receive["duplicates"] as? Int == 5)
            let other = try gateway.store(["--count", "2", "--other-bytes"])
            #expect(other.stored.count == 2)
            receive = try #require(gateway.pipeline()["receive"] as? [String: Any])
            #expect(receive["replaced"] as? Int == 2)
            let output = try directory.directory("out")
            try gateway.retrieve("/studies/2.25.4711", into: output)
            let digests = try Bench.dataSetDigests(output)
            #expect(digests.count == 5)
            for (uid, digest) in other.sent { #expect(digests[uid] == digest) }
            #expect(gateway.server.logText.contains("instance.replaced"))
        }
    }
}
