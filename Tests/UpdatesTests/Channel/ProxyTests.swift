// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Updates

@Suite("Through a proxy, and with the box's certificate") struct ProxyTests {
    private static let content = Pseudorandom.bytes(3000, seed: 21)

    /// The proxy alone knows where that is.
    private static let host = "update.invalid"

    private struct Hospital {
        let tree: String
        let server: TestCertificate
        let box: TestCertificate
        let stranger: TestCertificate

        init(_ directory: String) throws {
            tree = directory
            try FileManager.default.createDirectory(
                atPath: "\(directory)/targets",
                withIntermediateDirectories: true
            )
            try Data(ProxyTests.content).write(to: URL(filePath: "\(directory)/targets/pack"))
            let names = "DNS:\(ProxyTests.host),IP:127.0.0.1"
            server = try TestCertificate("\(directory)/server.pem", names: names)
            box = try TestCertificate("\(directory)/box.pem", names: "DNS:box")
            stranger = try TestCertificate("\(directory)/stranger.pem", names: names)
        }

        func options(proxy port: Int? = nil, identity: TestCertificate? = nil) -> UpdateServerOptions {
            var options = UpdateServerOptions()
            options.authorities = server.path
            options.identity = identity.map { ($0.path, $0.key) }
            options.proxy = port.map { ("127.0.0.1", $0) }
            return options
        }
    }

    private func withHospital(_ body: (Hospital, TestServer) async throws -> Void) async throws {
        try await TemporaryDirectory.with { directory in
            let hospital = try Hospital(directory)
            try await TestServer.with(directory, tls: hospital.server, clients: hospital.box) { server in
                try await body(hospital, server)
            }
        }
    }

    private func read(_ url: String, _ options: UpdateServerOptions) async throws -> [UInt8] {
        let repository = try HTTPRepository(baseURL: url, options: options)
        let result = await Result { try await repository.read("pack", 100..<200) }
        await repository.close()
        return try result.get()
    }

    @Test("what only the proxy reaches is read through it, by who shows the right certificate")
    func through() async throws {
        try await withHospital { hospital, server in
            try await TestProxy.with([]) { proxy in
                let url = "https://\(Self.host):\(server.port)"
                let options = hospital.options(proxy: proxy, identity: hospital.box)
                let bytes = try await read(url, options)
                #expect(bytes == Array(Self.content[100..<200]))
            }
        }
    }

    @Test(
        "a proxy that wants credentials, that does not connect, or that opens the connection: each has its words",
        arguments: [
            (["--status", "407"], SourceFailure.Kind.refused, "the proxy wants credentials (status 407)"),
            (["--status", "502"], .transient, "the proxy does not connect to the server"),
            (["--intercept"], .refused, "the certificate is not the server's: somebody on the way opens"),
        ]
    )
    func refusals(arguments: [String], kind: SourceFailure.Kind, words: String) async throws {
        try await withHospital { hospital, server in
            let intercepts = arguments == ["--intercept"]
            let stranger = [hospital.stranger.path, hospital.stranger.key]
            try await TestProxy.with(arguments + (intercepts ? stranger : [])) { proxy in
                let options = hospital.options(proxy: proxy, identity: hospital.box)
                let failure = await #expect(throws: SourceFailure.self) {
                    _ = try await read("https://\(Self.host):\(server.port)", options)
                }
                #expect(failure?.kind == kind)
                #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
            }
        }
    }

    @Test("a proxy that nobody reaches is asked again later") func unreachable() async throws {
        try await withHospital { hospital, server in
            let options = hospital.options(proxy: 1, identity: hospital.box)
            let failure = await #expect(throws: SourceFailure.self) {
                _ = try await read("https://\(Self.host):\(server.port)", options)
            }
            #expect(failure?.kind == .transient)
        }
    }

    @Test("a server that wants the box's certificate refuses none, and another's, by name")
    func certificates() async throws {
        try await withHospital { hospital, server in
            let none = await #expect(throws: SourceFailure.self) {
                _ = try await read(server.url, hospital.options())
            }
            #expect(none?.kind == .refused)
            let words = "the server wants the box's certificate, and the box has none"
            #expect(none?.reason.hasPrefix(words) == true, "\(String(describing: none))")
            let wrong = await #expect(throws: SourceFailure.self) {
                _ = try await read(server.url, hospital.options(identity: hospital.stranger))
            }
            #expect(wrong?.kind == .refused)
            let name = "the server does not take the box's certificate \(hospital.stranger.path)"
            #expect(wrong?.reason.hasPrefix(name) == true, "\(String(describing: wrong))")
        }
    }

    @Test("a certificate with another's key is refused before anybody is called") func key() throws {
        try TemporaryDirectory.with { directory in
            let hospital = try Hospital(directory)
            var options = hospital.options()
            options.identity = (hospital.box.path, hospital.stranger.key)
            let failure = #expect(throws: SourceFailure.self) {
                _ = try HTTPRepository(baseURL: "https://\(Self.host)", options: options)
            }
            #expect(failure?.kind == .refused)
            #expect(failure?.file == hospital.box.path)
        }
    }

    @Test("events come through the proxy within 5 s, and again after it was cut", .timeLimit(.minutes(1)))
    func events() async throws {
        try await withHospital { hospital, server in
            try await TestProxy.with([]) { proxy in
                let events = try EventStream(
                    baseURL: "https://\(Self.host):\(server.port)",
                    device: "box-1",
                    options: hospital.options(proxy: proxy, identity: hospital.box)
                )
                var hints = events.hints().makeAsyncIterator()
                for (event, patience) in [("one", 5), ("two", 10)] {
                    while events.status != .connected { try await Task.sleep(for: .milliseconds(20)) }
                    let sent = ContinuousClock.now
                    try await server.send(#"{"event": "\#(event)"}"#)
                    #expect(await hints.next() != nil)
                    #expect(ContinuousClock.now - sent < .seconds(patience))
                    try await server.send(#"{"cut": true}"#)
                    while events.status == .connected { try await Task.sleep(for: .milliseconds(20)) }
                }
                #expect(try await server.seen().connections.map(\.lastEventID).prefix(2) == [nil, "1"])
                await events.close()
            }
        }
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
