// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import Transfer

private final class TestFile: SharedFile {
    let descriptor: Int32

    init(_ content: [UInt8]) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "drimbox-\(UUID())").path
        try Data(content).write(to: URL(filePath: path))
        descriptor = open(path, O_RDONLY)
        unlink(path)
    }

    deinit { close(descriptor) }
}

private struct TestResponder: HTTPResponder {
    let file: TestFile

    func respond(to request: HTTPRequest) -> HTTPResponse {
        switch request.path {
        case "/parts":
            return HTTPResponse(
                .ok,
                body: .parts(count: 1001, length: 1001 * 8) { [file] index in
                    HTTPBodyPart(
                        head: Array("\(index % 10)...".utf8),
                        extent: FileExtent(file: file, offset: Int64(index % 10), length: 4)
                    )
                }
            )
        case "/stream":
            let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
            for word in ["one ", "two ", "three"] { continuation.yield(Array(word.utf8)) }
            continuation.finish()
            return HTTPResponse(.ok, body: .stream(stream))
        default:
            return .text(.notFound, "nothing at \(request.path)")
        }
    }
}

/// A server on a free loopback port and a raw connection to it.
private func exchange(_ text: String, limits: HTTPServer.Limits = .init()) async throws -> String {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let workers = NIOThreadPool(numberOfThreads: 1)
    workers.start()
    let file = try TestFile(Array("abcdefghijklmnopqrstuvwxyz".utf8))
    let server = try await HTTPServer.start(
        on: .tcp(host: "127.0.0.1", port: 0),
        group: group,
        workers: workers,
        responder: TestResponder(file: file),
        limits: limits
    )
    let client = try await ClientBootstrap(group: group).connect(to: server.localAddress) { channel in
        channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
    }
    let answer = try await client.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: text))
        var answer = ""
        for try await piece in inbound { answer += String(buffer: piece) }
        return answer
    }
    await server.close()
    try await group.shutdownGracefully()
    try await workers.shutdownGracefully()
    return answer
}

@Suite("HTTP server", .timeLimit(.minutes(10))) struct HTTPServerTests {
    @Test("parts out of a file arrive whole and in order behind the length that was told") func parts()
        async throws
    {
        let answer = try await exchange("GET /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let halves = answer.components(separatedBy: "\r\n\r\n")
        #expect(halves[0].lowercased().contains("content-length: 8008"))
        let expected = (0...1000).map { index in
            "\(index % 10)..." + String(Array("abcdefghijklmnopqrstuvwxyz")[(index % 10)..<(index % 10 + 4)])
        }
        #expect(halves[1] == expected.joined())
    }

    @Test("HEAD has the head alone; two requests share a connection") func headAndKeepAlive() async throws {
        let answer = try await exchange(
            "HEAD /parts HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 3)
        #expect(answer.hasPrefix("HTTP/1.1 200"))
        #expect(answer.contains("404 Not Found"))
        #expect(answer.hasSuffix("nothing at /none\n"))
    }

    @Test("a stream is sent chunked") func stream() async throws {
        let answer = try await exchange("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(answer.lowercased().contains("transfer-encoding: chunked"))
        #expect(answer.contains("4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n"))
    }

    @Test("what is no HTTP is answered 400 or cut, and a client that never asks is let go") func bad()
        async throws
    {
        let answer = try await exchange("NONSENSE\r\n\r\n")
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400"))
        var limits = HTTPServer.Limits()
        limits.requestSeconds = 1
        #expect(try await exchange("GET /parts HTT", limits: limits).isEmpty)
        #expect(try await exchange("", limits: limits).isEmpty)
    }
}
