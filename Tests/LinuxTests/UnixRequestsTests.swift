// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Linux

@Suite("Requests of one line over a Unix socket") struct UnixRequestsTests {
    private let path = FileManager.default.temporaryDirectory.path + "/ur-\(UUID().uuidString.prefix(8)).sock"

    /// Answers with the line itself, in brackets.
    private func echo() throws -> UnixRequests {
        let requests = try UnixRequests(path: path)
        _ = DetachedThread.start {
            while let request = try? requests.next() { request.answer([0x5B] + request.line + [0x5D]) }
        }
        return requests
    }

    private func ask(_ text: String) async throws -> String {
        String(
            decoding: try await UnixSocket.exchange(path, Array(text.utf8), seconds: 10).get(),
            as: UTF8.self
        )
    }

    @Test("a line up to its end, or to the end of the stream, is answered; what follows is not read")
    func lines()
        async throws
    {
        let requests = try echo()
        defer {
            requests.close()
            try? FileManager.default.removeItem(atPath: path)
        }
        #expect(try await ask("status\n") == "[status]")
        #expect(try await ask("status") == "[status]")
        #expect(try await ask("a\nb\n") == "[a]")
        #expect(try await ask("\n") == "[]")
        let long = String(repeating: "x", count: 60_000)
        #expect(try await ask(long + "\n") == "[\(long)]")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o660)
    }

    @Test("who sends nothing, or no end, gets no answer, and the next one does") func strangers() async throws
    {
        let requests = try echo()
        defer {
            requests.close()
            try? FileManager.default.removeItem(atPath: path)
        }
        #expect(try await ask("") == "")
        let endless = await UnixSocket.exchange(path, [UInt8](repeating: 0x78, count: 200_000), seconds: 10)
        // Refused while it still sends, or at its end.
        #expect((try? endless.get())?.isEmpty ?? true)
        #expect(try await ask("status\n") == "[status]")
    }

    @Test("a socket on which somebody listens is not taken; one that a dead server left is") func claim()
        throws
    {
        var first: UnixRequests? = try UnixRequests(path: path)
        #expect(throws: SystemCallError.self) { _ = try UnixRequests(path: path) }
        first?.close()
        first = nil
        _ = try UnixRequests(path: path)
        try FileManager.default.removeItem(atPath: path)
        // Without systemd there is none to inherit.
        #expect(UnixRequests(inherited: { _ in nil }) == nil)
    }
}
