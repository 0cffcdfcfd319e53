// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import NIOPosix
import Testing
import Transfer

/// Our DICOMweb client against boxes that misbehave.
@Suite("Boxes that misbehave", .serialized) struct FaultyBoxTests {
    private func retrieve(_ mode: String) async throws -> (
        DICOMwebClient.Retrieved, wanted: Set<UID>, log: String
    ) {
        let directory = try TemporaryDirectory()
        let study = try directory.directory("study")
        try Bench.makeStudy(study, instances: 10)
        let port = try Bench.freePort()
        let box = try Server(
            Bench.python,
            [Bench.support.appending(path: "faulty_box.py").path, mode, "\(port)", study.path],
            log: directory.appending("box.log")
        )
        defer { box.end(SIGKILL) }
        let listens = "grep -qi ':\(String(port, radix: 16)) ' /proc/net/tcp"
        #expect(try eventually { try run("/bin/sh", ["-c", listens]).status == 0 })
        let own = try ClientUnderTest(in: directory)
        let workers = NIOThreadPool(numberOfThreads: 1)
        workers.start()
        var options = DICOMwebClient.Options()
        options.policy = RetryPolicy(maximumAttempts: 3, base: .milliseconds(10))
        let web = DICOMwebClient(
            options: options,
            receiver: own.receiver,
            workers: workers,
            journal: own.journal
        )
        let wanted = Set(try ClientUnderTest.instances(in: study).map(\.sopInstanceUID))
        let result = try await web.retrieve("http://127.0.0.1:\(port)/studies/1.2/series/1.3", wanted: wanted)
        await web.shutdown()
        try await workers.shutdownGracefully()
        await own.end()
        return (result, wanted, box.logText)
    }

    @Test("a response that is cut: what came is kept, and only the rest is asked for, instance by instance")
    func cut() async throws {
        let (result, wanted, log) = try await retrieve("cut")
        #expect(result.error == nil, "\(result)")
        #expect(result.missing.isEmpty)
        #expect(Set(result.stored) == wanted)
        #expect(result.stored.count == 10)
        let again = log.split(separator: "\n").dropFirst()
        #expect((1..<10).contains(again.count) && again.allSatisfy { $0.contains("'instances'") }, "\(log)")
    }

    @Test("503 with Retry-After is waited for") func busy() async throws {
        let (result, wanted, _) = try await retrieve("busy")
        #expect(result.error == nil && Set(result.stored) == wanted, "\(result)")
    }

    @Test("a redirection is not followed") func redirect() async throws {
        let (result, wanted, log) = try await retrieve("redirect")
        #expect(result.error == .redirected(status: 302))
        #expect(result.missing == wanted)
        #expect(log.split(separator: "\n").count == 1, "\(log)")
    }

    @Test("a body without its end is no whole one; its instances are kept all the same") func truncated()
        async throws
    {
        let (result, wanted, _) = try await retrieve("truncated")
        #expect(Set(result.stored).isSubset(of: wanted))
        #expect(result.stored.count >= 9, "\(result)")
    }
}
