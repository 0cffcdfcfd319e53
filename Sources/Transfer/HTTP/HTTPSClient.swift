// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
package import NIOSSL

/// Requests with bodies that fit into memory, and such answers: SOAP and the like. Redirects are refused.
package final class HTTPSClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        /// Empty where the server names none.
        package let contentType: String
        package let body: [UInt8]
    }

    /// Why there is no answer.
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// Nothing was sent: the server has not seen the request.
        case notConnected(String)
        /// The request, or a part of it, was sent: nobody knows what became of it.
        case noAnswer(String)
        case answerTooLong(limit: Int)

        package var description: String {
            switch self {
            case .notConnected(let reason): "not connected: \(reason)"
            case .noAnswer(let reason): "no answer: \(reason)"
            case .answerTooLong(let limit): "answer: found more than \(limit) bytes"
            }
        }
    }

    private let http: HTTPClient
    private let seconds: Int64
    private let limit: Int

    /// A request and its answer together have so many seconds, an answer so many bytes.
    package init(
        tls: TLSConfiguration?,
        proxy: (host: String, port: Int)? = nil,
        seconds: Int64 = 60,
        limit: Int = 64 << 20
    ) {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(min(seconds, 10)), read: .seconds(seconds)),
            decompression: .disabled
        )
        configuration.proxy = proxy.map { .server(host: $0.host, port: $0.port) }
        configuration.httpVersion = .http1Only
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        self.seconds = seconds
        self.limit = limit
    }

    package func shutdown() async {
        try? await http.shutdown()
    }

    package func post(
        _ body: [UInt8],
        contentType: String,
        to url: String,
        headers: [(name: String, value: String)] = []
    ) async throws(Failure) -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: contentType)
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await execute(request, headers)
    }

    package func get(
        _ url: String,
        headers: [(name: String, value: String)] = []
    ) async throws(Failure) -> Answer {
        try await execute(HTTPClientRequest(url: url), headers)
    }

    private func execute(
        _ request: HTTPClientRequest,
        _ headers: [(name: String, value: String)]
    ) async throws(Failure) -> Answer {
        var request = request
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        do {
            let response = try await http.execute(request, timeout: .seconds(seconds))
            var bytes = try await response.body.collect(upTo: limit)
            return Answer(
                status: Int(response.status.code),
                contentType: response.headers.first(name: "Content-Type") ?? "",
                body: bytes.readBytes(length: bytes.readableBytes) ?? []
            )
        } catch is NIOTooManyBytesError {
            throw .answerTooLong(limit: limit)
        } catch let error as HTTPClientError where Self.isBeforeTheRequest(error) {
            throw .notConnected("\(error)")
        } catch let error as HTTPClientError {
            throw .noAnswer("\(error)")
        } catch is ChannelError {
            throw .noAnswer("the connection broke")
        } catch let error as IOError {
            throw error.errnoCode == ECONNREFUSED
                ? .notConnected("refused") : .noAnswer("the connection broke")
        } catch {
            throw .notConnected("\(error)")
        }
    }

    private static func isBeforeTheRequest(_ error: HTTPClientError) -> Bool {
        [.connectTimeout, .invalidURL, .emptyHost, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout]
            .contains(error)
    }
}
