// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("What is not in the spool comes from the PACS") struct PullTests {
        /// A gateway whose PACS is a real Orthanc that holds `study`.
        private func site(
            _ directory: TemporaryDirectory,
            _ study: URL,
            roles: [String] = ["find", "move"]
        ) throws -> (GatewayUnderTest, OrthancUnderTest) {
            let ports = (dicom: try Bench.freePort(), orthanc: try Bench.freePort())
            var settings = GatewayUnderTest.Settings()
            settings.dicomPort = ports.dicom
            settings.peers = [
                ["aeTitle": "ORTHANC", "host": "127.0.0.1", "port": ports.orthanc, "roles": roles]
            ]
            let orthanc = try OrthancUnderTest(
                in: directory,
                box: ("DRIMBOX", ports.dicom),
                ["DicomPort": ports.orthanc]
            )
            try orthanc.upload(study)
            return (try GatewayUnderTest(in: directory.directory("box"), settings), orthanc)
        }

        private func uid(_ study: URL) throws -> String {
            let file = try #require(try Bench.files(in: study).first)
            let dump = try run("dcmdump", ["+P", "0020,000d", file.path]).output
            return try #require(dump.split(separator: "[").last?.split(separator: "]").first.map(String.init))
        }

        @Test(
            "WADO-RS of a study that only the PACS has: pulled while it is sent, then served from the spool",
            .enabled(if: Bench.has("Orthanc"), "needs Orthanc"),
            arguments: [["find", "move"], ["find", "get"]]
        )
        func pull(roles: [String]) throws {
            let directory = try TemporaryDirectory()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 30, series: 3)
            let (gateway, orthanc) = try site(directory, study, roles: roles)
            let uid = try uid(study)
            let first = try directory.directory("first")
            try gateway.retrieve("/studies/\(uid)", into: first)
            let comparison = try Bench.compare(study, first)
            #expect(comparison.status == 0, "\(comparison.output) \(gateway.server.logText)")
            let received = try #require(
                (try gateway.pipeline()["receive"] as? [String: Any])?["instances"] as? Int
            )
            #expect(received == 30)

            // The archive's end does not matter any more for what is here.
            orthanc.server.end(SIGKILL)
            let second = try directory.directory("second")
            try gateway.retrieve("/studies/\(uid)", into: second)
            let again = try Bench.compare(study, second)
            #expect(again.status == 0, "\(again.output)")
            // Of what is not here nobody knows.
            #expect(try gateway.fetch("/studies/2.25.77", accept: "multipart/related").status == 503)
        }

        @Test(
            "two readers at once: the archive sends each instance once",
            .enabled(if: Bench.has("Orthanc"), "needs Orthanc")
        )
        func join() throws {
            let directory = try TemporaryDirectory()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 60, series: 2, rows: 256)
            let (gateway, orthanc) = try site(directory, study)
            defer { orthanc.server.end(SIGKILL) }
            let uid = try uid(study)
            let outputs = try (0..<3).map { try directory.directory("out\($0)") }
            let threads = outputs.map { output in
                let thread = Reader { try gateway.retrieve("/studies/\(uid)", into: output) }
                thread.start()
                return thread
            }
            for thread in threads { try thread.wait() }
            for output in outputs {
                let comparison = try Bench.compare(study, output)
                #expect(comparison.status == 0, "\(comparison.output)")
            }
            let receive = try #require(try gateway.pipeline()["receive"] as? [String: Any])
            #expect(receive["instances"] as? Int == 60)
            #expect(receive["duplicates"] as? Int == 0)
        }

        @Test("a study that nobody has is 404", .enabled(if: Bench.has("Orthanc"), "needs Orthanc"))
        func unknown() throws {
            let directory = try TemporaryDirectory()
            let study = try directory.directory("study")
            try Bench.makeStudy(study, instances: 2)
            let (gateway, orthanc) = try site(directory, study)
            defer { orthanc.server.end(SIGKILL) }
            let answer = try gateway.fetch("/studies/2.25.77", accept: "multipart/related")
            #expect(answer.status == 404, "\(answer.status) \(gateway.server.logText.suffix(1000))")
        }
    }
}

/// A reader on a thread of its own.
final class Reader: @unchecked Sendable {
    private let done = DispatchSemaphore(value: 0)
    private var failure: (any Error)?
    private let body: () throws -> Void

    init(_ body: @escaping () throws -> Void) { self.body = body }

    func start() {
        Thread { [self] in
            do { try body() } catch { failure = error }
            done.signal()
        }.start()
    }

    func wait() throws {
        done.wait()
        if let failure { throw failure }
    }
}
