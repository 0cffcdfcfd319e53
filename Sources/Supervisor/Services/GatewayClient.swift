// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Transfer

/// The gateway's status socket, seen from the supervisor.
package struct GatewayClient: Sendable {
    package struct UnexpectedAnswer: Error, CustomStringConvertible {
        let target: String
        let status: Int

        package var description: String { "gateway: \(target): found status \(status), expected 200" }
    }

    private let client: UnixHTTPClient

    package init(socketPath: String) {
        client = UnixHTTPClient(socketPath: socketPath)
    }

    package func pipeline(deadline: Duration) async throws -> PipelineStatus {
        let response = try await client.get("/v1/pipeline", deadline: deadline)
        guard response.status == 200 else {
            throw UnexpectedAnswer(target: "/v1/pipeline", status: response.status)
        }
        return try JSONDecoder().decode(PipelineStatus.self, from: Data(response.body))
    }

    package func answers(within patience: Duration) async -> Bool {
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end, !Task.isCancelled {
            if (try? await pipeline(deadline: .seconds(2))) != nil { return true }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Passes a request of the admin API on; the gateway's answer as it is.
    package func forward(
        _ method: String,
        _ target: String,
        body: [UInt8],
        deadline: Duration,
        bodyLimit: Int = 4 << 20
    ) async throws -> (status: Int, contentType: String, body: [UInt8]) {
        let answer = try await client.request(
            method,
            target,
            body: body,
            deadline: deadline,
            bodyLimit: bodyLimit
        )
        return (answer.status, answer.headers["content-type"] ?? "application/json", answer.body)
    }

    /// A C-ECHO to an archive of the gateway's configuration, as a step of a test.
    package func echo(_ aeTitle: String) async -> NetworkTestStep {
        do {
            let answer = try await forward(
                "POST",
                "/v1/peers/\(PathSegment.encoded(aeTitle))/echo",
                body: [],
                deadline: .seconds(10)
            )
            let report = try JSONDecoder().decode(EchoReport.self, from: Data(answer.body))
            if let milliseconds = report.milliseconds {
                return NetworkTestStep(.pacs, aeTitle, isOK: true, "echo in \(milliseconds) ms")
            }
            return NetworkTestStep(
                .pacs,
                aeTitle,
                isOK: false,
                report.reason ?? "no echo",
                cause: .pacsSilent
            )
        } catch {
            return NetworkTestStep(
                .pacs,
                aeTitle,
                isOK: false,
                "the gateway does not answer",
                cause: .pacsSilent
            )
        }
    }

    /// Hands over the events of one run of the gateway, the oldest it has first, until the task is cancelled.
    /// A stream that breaks is taken up again where it ended.
    package func follow(_ journal: EventJournal) async {
        let reader = EventReader(journal: journal)
        while !Task.isCancelled {
            await reader.connect()
            let target = "/v1/events?since=\(await reader.newest)"
            let headers = ["accept": "text/event-stream"]
            _ = try? await client.stream(target, headers: headers) { try await reader.read($0) }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}

/// Turns the stream's bytes into events of our own journal.
private actor EventReader {
    private let journal: EventJournal
    private var parser = ServerSentEventParser()
    private(set) var newest: UInt64 = 0

    init(journal: EventJournal) {
        self.journal = journal
    }

    /// A new connection starts in the middle of nothing.
    func connect() {
        parser = ServerSentEventParser()
    }

    func read(_ bytes: [UInt8]) throws {
        for item in try parser.feed(bytes) {
            if item.name == "gap" {
                journal.record(
                    "events.lost",
                    .warning,
                    service: Appliance.gatewayName,
                    "events of the gateway were lost"
                )
                continue
            }
            guard let event = try? JSONDecoder().decode(Event.self, from: Data(item.data.utf8)) else {
                continue
            }
            newest = max(newest, event.seq)
            journal.forward(event, from: Appliance.gatewayName)
        }
    }
}
