// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// How the vendor's server is reached.
package struct UpdateServerOptions: Sendable {
    /// A PEM file of the authorities that the server's certificate may come from; nil for the system's.
    package var authorities: String?
    /// PEM files of the box's own certificate, its authorities after it, and of its key.
    package var identity: (certificates: String, key: String)?
    package var proxy: (host: String, port: Int)?
    package var connectTime = Duration.seconds(10)
    /// Between two pieces of an answer.
    package var silence = Duration.seconds(15)
    /// An answer may take this, and a second for each `slowestBytesPerSecond` of it.
    package var patience = Duration.seconds(30)
    package var slowestBytesPerSecond = 16 << 10

    package init() {}
}

/// HTTP to the vendor's server, its failures told apart by what helps against them.
final class UpdateServer: Sendable {
    let options: UpdateServerOptions
    private let base: String
    private let http: HTTPClient

    /// `base` is what paths are below; without one they are whole addresses.
    init(_ base: String, _ options: UpdateServerOptions) throws(SourceFailure) {
        self.base = base.isEmpty || base.hasSuffix("/") ? base : base + "/"
        self.options = options
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        if let file = options.authorities {
            // Read now: a file that is not there would be a connection that does not come.
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
            } catch {
                throw SourceFailure(.refused, file, "no authorities in PEM: \(error)")
            }
        }
        if let identity = options.identity {
            do {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(identity.certificates).map {
                    .certificate($0)
                }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem))
                // A key that is another's would be a connection that does not come, too.
                _ = try NIOSSLContext(configuration: tls)
            } catch {
                throw SourceFailure(.refused, identity.certificates, "no certificate with its key: \(error)")
            }
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: TimeAmount(options.connectTime),
                read: TimeAmount(options.silence)
            ),
            decompression: .disabled
        )
        configuration.proxy = options.proxy.map { .server(host: $0.host, port: $0.port) }
        // Who asks decides whether to ask again.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async { try? await http.shutdown() }

    /// The answer's head; its status is in `statuses`, or the failure says which it was.
    func execute(
        _ path: String,
        method: HTTPMethod = .GET,
        headers: [(String, String)] = [],
        body: [UInt8]? = nil,
        statuses: ClosedRange<Int>
    ) async throws(SourceFailure) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "User-Agent", value: "drimbox")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, timeout: TimeAmount(options.patience))
        } catch {
            throw failure(error, path)
        }
        let status = Int(response.status.code)
        if statuses.contains(status) { return response }
        throw Self.failure(status: status, response.headers, path)
    }

    /// The answer's body; of one that is longer than `limit` bytes, `limit` + 1.
    func collect(
        _ response: HTTPClientResponse,
        of path: String,
        limit: Int
    ) async throws(SourceFailure) -> [UInt8] {
        let start = ContinuousClock.now
        var bytes: [UInt8] = []
        do {
            for try await buffer in response.body {
                bytes += buffer.readableBytesView.prefix(limit + 1 - bytes.count)
                if bytes.count > limit { break }
                let allowed = options.patience + .seconds(bytes.count / max(1, options.slowestBytesPerSecond))
                if ContinuousClock.now - start > allowed {
                    throw SourceFailure(
                        .transient,
                        path,
                        """
                        found \(bytes.count) bytes within \(allowed), expected \
                        \(options.slowestBytesPerSecond) bytes per second
                        """
                    )
                }
            }
        } catch {
            throw failure(error, path)
        }
        return bytes
    }
}

// MARK: - Failures

extension UpdateServer {
    private static func failure(status: Int, _ headers: HTTPHeaders, _ path: String) -> SourceFailure {
        switch status {
        case 403, 404, 410: return SourceFailure(.gone, path, "status \(status)")
        case 416: return SourceFailure(.gone, path, "status 416: the file ends before the range")
        case 407: return SourceFailure(.refused, path, "the proxy wants credentials (status 407)")
        case 300..<400: return SourceFailure(.refused, path, "redirected (status \(status))")
        case 408, 429, 500...:
            let later = headers.first(name: "Retry-After").flatMap { Int($0) }
            let hint = later.map { ", again in \($0) s" } ?? ""
            return SourceFailure(.transient, path, "status \(status)\(hint)")
        default: return SourceFailure(.refused, path, "status \(status)")
        }
    }

    func failure(_ error: any Error, _ path: String) -> SourceFailure {
        switch error {
        case let failure as SourceFailure: failure
        case let error as HTTPClientError: Self.failure(error, path)
        case NIOSSLError.handshakeFailed(.sslError(let reasons)): tlsFailure(reasons, path)
        case BoringSSLError.sslError(let reasons): tlsFailure(reasons, path)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            Self.untrusted(path, "\(error)")
        case let error as HTTPParserError where error == .invalidEOFState:
            SourceFailure(.transient, path, "the connection broke")
        case let error as BoringSSLError: SourceFailure(.refused, path, "TLS: \(error)")
        default: SourceFailure(.transient, path, "\(error)")
        }
    }

    private func tlsFailure(_ reasons: [BoringSSLInternalError], _ path: String) -> SourceFailure {
        let words = reasons.map { "\($0)" }
        if words.contains(where: { $0.contains("CERTIFICATE_VERIFY_FAILED") }) {
            return Self.untrusted(path, "\(reasons)")
        }
        // RFC 8446, 6.2: alerts of the server about the client's certificate.
        let alert = words.first {
            $0.contains("ALERT") && ($0.contains("CERTIFICATE") || $0.contains("UNKNOWN_CA"))
        }
        guard let alert else { return SourceFailure(.refused, path, "TLS: \(reasons)") }
        let reason =
            options.identity.map { "the server does not take the box's certificate \($0.certificates)" }
            ?? "the server wants the box's certificate, and the box has none"
        return SourceFailure(.refused, path, "\(reason) (\(alert))")
    }

    private static func failure(_ error: HTTPClientError, _ path: String) -> SourceFailure {
        switch error {
        case .proxyAuthenticationRequired: failure(status: 407, HTTPHeaders(), path)
        case .invalidURL, .emptyHost, .emptyScheme:
            SourceFailure(.refused, path, "\(error), expected an address of a server")
        case .readTimeout, .deadlineExceeded: SourceFailure(.transient, path, "no answer in time")
        case .connectTimeout: SourceFailure(.transient, path, "no connection in time")
        case .invalidProxyResponse:
            SourceFailure(.transient, path, "the proxy does not connect to the server")
        case .remoteConnectionClosed: SourceFailure(.transient, path, "the connection broke")
        default: SourceFailure(.transient, path, "\(error)")
        }
    }

    private static func untrusted(_ path: String, _ reason: String) -> SourceFailure {
        SourceFailure(
            .refused,
            path,
            "the certificate is not the server's: somebody on the way opens the connection? (\(reason))"
        )
    }
}
