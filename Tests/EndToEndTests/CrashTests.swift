// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite("kill -9 of the gateway") struct CrashTests {
        /// Kills; the least is 50.
        static let kills = 60

        @Test("every acknowledged instance is there and whole, no other is visible")
        func killAtRandomMoments() throws {
            let directory = try TemporaryDirectory()
            let gateway = try GatewayUnderTest(in: directory.url)
            var random = SystemRandomNumberGenerator()
            var sent: [String: String] = [:]
            var acknowledged: Set<String> = []
            for round in 0..<Self.kills {
                let log = directory.appending("scu-\(round).log")
                let sender = try Server(
                    "/usr/bin/python3",
                    [
                        GatewayUnderTest.rawSCU, "127.0.0.1", "\(gateway.dicomPort)", "--associations", "3",
                        "--count", "400", "--first", "\(round * 1000 + 1)", "--size", "150000",
                    ],
                    log: log
                )
                let began = eventually { sender.logText.contains("sending") }
                #expect(began)
                usleep(UInt32.random(in: 0...120_000, using: &random))
                gateway.server.end(SIGKILL)
                sender.end(SIGTERM)
                let report = RawSCUReport(sender.logText)
                sent.merge(report.sent) { $1 }
                acknowledged.formUnion(report.stored)
                try gateway.restart()
                if round % 10 == 9 || round == Self.kills - 1 {
                    try check(gateway, sent: sent, acknowledged: acknowledged, directory)
                }
            }
            #expect(
                acknowledged.count > Self.kills,
                "the transfer must have moved for the test to mean anything"
            )
            #expect(gateway.server.end() == 0)
        }

        private func check(
            _ gateway: GatewayUnderTest,
            sent: [String: String],
            acknowledged: Set<String>,
            _ directory: TemporaryDirectory
        ) throws {
            let output = try directory.directory("retrieved-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: output) }
            try gateway.retrieve("/studies/2.25.4711", into: output)
            let digests = try Bench.dataSetDigests(output)
            let lost = acknowledged.subtracting(digests.keys)
            #expect(lost.isEmpty, "acknowledged and lost: \(lost.sorted())")
            for (uid, digest) in digests {
                #expect(sent[uid] == digest, "\(uid) is visible with other bytes than were sent")
            }
        }
    }
}

extension Bench {
    /// SHA-256 of each data set in a folder of Part 10 files, by SOP instance UID.
    static func dataSetDigests(_ directory: URL) throws -> [String: String] {
        let result = try run(python, [support.appending(path: "data_set_digests.py").path, directory.path])
        try #require(result.status == 0, "\(result.errors)")
        return Dictionary(
            uniqueKeysWithValues: result.output.split(separator: "\n").map { line in
                let words = line.split(separator: " ")
                return (String(words[0]), String(words[1]))
            }
        )
    }
}
