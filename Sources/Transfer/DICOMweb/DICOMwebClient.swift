// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
package import DICOM
import Linux
import NIOCore
import NIOHTTP1
package import NIOPosix
package import NIOSSL

/// WADO-RS, STOW-RS and QIDO-RS as user agent: box to box, and to archives that have DICOMweb.
package final class DICOMwebClient: Sendable {
    package struct Options: Sendable {
        /// Nil: the system's roots, no client certificate.
        package var tls: TLSConfiguration?
        package var proxy: (host: String, port: Int)?
        package var connectSeconds: Int64 = 10
        /// Between two pieces of a response, its head included.
        package var stalledSeconds: Int64 = 60
        package var policy = RetryPolicy(maximumAttempts: 4)
        /// Whether a connection is tried again within `connectSeconds`, as for a server that is starting. Where somebody
        /// waits, the first failure is told.
        package var triesConnectionsAgain = true

        package init() {}
    }

    /// What became of a retrieval.
    package struct Retrieved: Sendable, Equatable {
        /// In the order in which they arrived.
        package var stored: [UID] = []
        package var bytes: Int64 = 0
        /// Parts that could not be kept, and why.
        package var failures: [UID: String] = [:]
        /// Wanted and not received.
        package var missing: Set<UID> = []
        /// Why the last attempt ended early, where it did.
        package var error: DICOMwebError?
    }

    let options: Options
    let http: HTTPClient
    private let receiver: any InstanceReceiver
    private let executor: BlockingExecutor
    private let journal: TransferJournal

    /// Instances go to `receiver`; writing them blocks threads of `workers` only.
    package init(
        options: Options = Options(),
        receiver: any InstanceReceiver,
        workers: NIOThreadPool,
        journal: TransferJournal
    ) {
        self.options = options
        self.receiver = receiver
        self.journal = journal
        executor = BlockingExecutor { work in workers.submit { _ in work() } }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: options.tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(options.connectSeconds), read: .seconds(options.stalledSeconds)),
            decompression: .disabled
        )
        configuration.proxy = options.proxy.map { .server(host: $0.host, port: $0.port) }
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = options.triesConnectionsAgain
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func shutdown() async {
        try? await http.shutdown()
    }

    // MARK: WADO-RS

    /// Retrieves what `url` names, a study, series or instance, into the spool, part by part as it arrives.
    ///
    /// Where the stream breaks, what came is kept; the next attempt asks for what is still missing of `wanted`, one by
    /// one where that is little, else for all of `url` again. What is of another study than `study` is refused. `onInstance` is called for each instance that can be
    /// read from now on.
    package func retrieve(
        _ url: String,
        accept: [String] = RetrievePurpose.export.accept,
        headers: [(name: String, value: String)] = [],
        wanted: Set<UID> = [],
        study: UID? = nil,
        bandwidth: BandwidthLimit? = nil,
        onInstance: @escaping @Sendable (UID) -> Void = { _ in }
    ) async throws -> Retrieved {
        let session = RetrieveSession(
            client: self,
            writer: receiver.makeWriter(origin: .pulled),
            headers: HTTPHeaders(headers.map { ($0.name, $0.value) } + accept.map { ("Accept", $0) }),
            study: study,
            bandwidth: bandwidth,
            journal: journal,
            onInstance: onInstance
        )
        // One job after the other on threads that may block.
        return try await Task(executorPreference: executor) {
            try await session.run(url, wanted: wanted)
        }.valueOrCancelled()
    }

    /// Sends a request; the response where its status is 200 to 299.
    func execute(_ request: HTTPClientRequest) async throws(DICOMwebError) -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, deadline: .distantFuture)
        } catch {
            throw Self.reason(error)
        }
        let status = Int(response.status.code)
        if (200..<300).contains(status) { return response }
        // The body of a refusal is not wanted.
        if (300..<400).contains(status) { throw .redirected(status: status) }
        throw .refused(
            status: status,
            retryAfter: response.headers.first(name: "Retry-After").flatMap { Int($0) }
        )
    }

    static func reason(_ error: any Error) -> DICOMwebError {
        switch error {
        case let error as DICOMwebError: error
        case let error as HTTPClientError where error == .readTimeout || error == .deadlineExceeded:
            .timedOut("response")
        case let error as HTTPClientError where error == .connectTimeout: .timedOut("connection")
        case let error as HTTPClientError where error == .invalidURL || error == .emptyHost: .invalidURL
        case let error as HTTPClientError where error == .remoteConnectionClosed: .cut("connection closed")
        case let error as MultipartError where error == .truncated: .cut("\(error)")
        case let error as MultipartError: .invalidBody("\(error)")
        // A certificate does not become another one by asking again.
        case NIOSSLError.handshakeFailed(.sslError(let reasons)): .untrusted("\(reasons)")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname: .untrusted("\(error)")
        default: .notConnected("\(error)")
        }
    }
}

extension Task where Failure == any Error {
    /// The value; the caller's cancellation is passed on.
    fileprivate func valueOrCancelled() async throws -> Success {
        try await withTaskCancellationHandler {
            try await value
        } onCancel: {
            cancel()
        }
    }
}
