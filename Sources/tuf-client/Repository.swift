// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Linux
import NIOCore
import NIOHTTP1
import TUF

/// The repository's files over HTTP, never more of them than asked for and never slower than a modem.
struct Repository {
    struct Failure: Error, CustomStringConvertible {
        let url: String
        let reason: String

        var description: String { "\(url): \(reason)" }
    }

    /// For the answer to begin, and for the bytes of the smallest file.
    private static let patience: Duration = .seconds(30)
    /// Bytes per second over the whole of a file, beyond `patience`: slow retrieval ends.
    private static let minimumRate = 16 << 10

    private let client: HTTPClient

    /// Lends a repository to `body` and closes its connections afterwards.
    static func with(_ body: (Repository) async throws -> Void) async throws {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(15))
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await body(Repository(client: client))
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    /// Nil if there is no such file; an object store without listing answers 403 for it.
    func metadata(_ url: String, limit: Int) async throws -> [UInt8]? {
        var content: [UInt8] = []
        let isThere = try await get(url, limit: limit) { bytes in
            content += bytes
            // One byte too many is enough for the updater to refuse it, by the step that it fails.
            return content.count <= limit
        }
        return isThere ? content : nil
    }

    func target(_ url: String, _ target: TargetFile) async throws -> [UInt8] {
        var verifier = TargetVerifier(target)
        var content: [UInt8] = []
        let isThere = try await get(url, limit: target.length) { bytes in
            try verifier.take(bytes)
            content += bytes
            return true
        }
        if !isThere { throw MetadataError(step: .target, subject: target.path, reason: .unavailable) }
        try verifier.finish()
        return content
    }

    /// Hands the answer's bytes to `take` until it wants no more; false if there is no such file.
    private func get(_ url: String, limit: Int, _ take: ([UInt8]) throws -> Bool) async throws -> Bool {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "user-agent", value: "drimbox-tuf-client")
        let deadline = ContinuousClock.now + Self.patience + .seconds(limit / Self.minimumRate)
        let response = try await client.execute(request, timeout: .seconds(30))
        switch response.status {
        case .ok: break
        case .notFound, .forbidden: return false
        default: throw Failure(url: url, reason: "status \(response.status.code), required 200")
        }
        for try await buffer in response.body {
            if ContinuousClock.now > deadline {
                throw Failure(url: url, reason: "slower than \(Self.minimumRate) bytes per second")
            }
            if try !take(Array(buffer.readableBytesView)) { break }
        }
        return true
    }
}
