// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Updates

@Suite("Servers and networks that fail, over HTTP") struct HTTPRepositoryTests {
    private static let content = Pseudorandom.bytes(10_000, seed: 9)

    private func tree(_ directory: String) throws -> String {
        try FileManager.default.createDirectory(
            atPath: "\(directory)/targets",
            withIntermediateDirectories: true
        )
        try Data(Self.content).write(to: URL(filePath: "\(directory)/targets/pack"))
        return directory
    }

    private static let cases: [(fault: String, kind: SourceFailure.Kind, words: String)] = [
        ("404", .gone, "status 404"), ("403", .gone, "status 403"), ("410", .gone, "status 410"),
        ("401", .refused, "status 401"), ("407", .refused, "the proxy wants credentials"),
        ("302", .refused, "redirected"), ("503", .transient, "status 503, again in 7 s"),
        ("429", .transient, "status 429"), ("500", .transient, "status 500"),
        ("range", .refused, "wrong range: found status 206 with bytes 101-200/10000"),
        ("whole", .refused, "wrong range: found status 200"),
        ("truncation", .transient, "the connection broke"), ("stall", .transient, "no answer in time"),
        ("slow", .transient, "bytes per second"),
    ]

    @Test("each fault is told by what helps against it", arguments: cases)
    func faults(fault: String, kind: SourceFailure.Kind, words: String) async throws {
        try await TemporaryDirectory.with { directory in
            try await TestServer.with(try tree(directory)) { server in
                var options = UpdateServerOptions()
                options.silence = .seconds(1)
                options.patience = .seconds(1)
                let repository = try HTTPRepository(baseURL: server.url, options: options)
                try await server.send(#"{"fault": "\#(fault)", "path": "pack"}"#)
                let failure = await #expect(throws: SourceFailure.self) {
                    _ = try await repository.read("pack", 100..<200)
                }
                #expect(failure?.kind == kind)
                #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
                // The same connection pool works again once the fault is over.
                try await server.send(#"{"fault": null, "path": ""}"#)
                #expect(try await repository.read("pack", 100..<200) == Array(Self.content[100..<200]))
                await repository.close()
            }
        }
    }

    @Test("parts of two contents are not mixed, and the new one is read next") func changed() async throws {
        try await TemporaryDirectory.with { directory in
            try await TestServer.with(try tree(directory)) { server in
                let repository = try HTTPRepository(baseURL: server.url)
                _ = try await repository.read("pack", 0..<10)
                try await server.send(#"{"fault": "changed", "path": "pack"}"#)
                let failure = await #expect(throws: SourceFailure.self) {
                    _ = try await repository.read("pack", 10..<20)
                }
                #expect(failure?.kind == .gone)
                #expect(failure?.reason.contains("it has changed") == true)
                #expect(try await repository.read("pack", 10..<20) == Array(Self.content[10..<20]))
                await repository.close()
            }
        }
    }

    @Test("a range behind the end, and one that goes over it, are gone") func ends() async throws {
        try await TemporaryDirectory.with { directory in
            try await TestServer.with(try tree(directory)) { server in
                let repository = try HTTPRepository(baseURL: server.url)
                for range in [10_000..<10_001, 9990..<10_001] {
                    let failure = await #expect(throws: SourceFailure.self) {
                        _ = try await repository.read("pack", range)
                    }
                    #expect(failure?.kind == .gone, "\(range)")
                }
                #expect(try await repository.metadata("9.root.json", limit: 10) == nil)
                #expect(try await repository.target("pack", limit: 100).count == 101)
                await repository.close()
            }
        }
    }

    @Test("a server that nobody reaches is asked again later") func unreachable() async throws {
        let repository = try HTTPRepository(baseURL: "http://127.0.0.1:1")
        let failure = await #expect(throws: SourceFailure.self) {
            _ = try await repository.read("pack", 0..<1)
        }
        #expect(failure?.kind == .transient)
        await repository.close()
    }

    @Test("a certificate of another authority, or of another name, is interception") func certificates()
        async throws
    {
        try await TemporaryDirectory.with { directory in
            let right = try TestCertificate("\(directory)/right.pem", names: "IP:127.0.0.1")
            let other = try TestCertificate("\(directory)/other.pem", names: "IP:127.0.0.1")
            let named = try TestCertificate("\(directory)/named.pem", names: "DNS:update.invalid")
            for (server, trusted, isRight) in [
                (right, right, true), (right, other, false), (named, named, false),
            ] {
                try await TestServer.with(try tree(directory), tls: server) { running in
                    var options = UpdateServerOptions()
                    options.authorities = trusted.path
                    let repository = try HTTPRepository(baseURL: running.url, options: options)
                    if isRight {
                        #expect(try await repository.read("pack", 0..<9) == Array(Self.content[..<9]))
                    } else {
                        let failure = await #expect(throws: SourceFailure.self) {
                            _ = try await repository.read("pack", 0..<9)
                        }
                        #expect(failure?.kind == .refused)
                        #expect(failure?.reason.contains("not the server's") == true, "\(failure as Any)")
                    }
                    await repository.close()
                }
            }
        }
    }
}
