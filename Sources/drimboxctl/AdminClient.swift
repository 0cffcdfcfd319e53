// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Glibc
import Linux
import Transfer

/// Exit codes of every command.
enum Exit {
    static let failed = ExitCode(1)
    static let usage = ExitCode(2)
    static let invalid = ExitCode(3)
    static let denied = ExitCode(4)
    static let conflict = ExitCode(5)
    static let unreachable = ExitCode(6)
    static let rolledBack = ExitCode(7)
    static let deadline = ExitCode(8)
}

/// The admin API as commands need it: an answer, or an error message and the exit code that goes with it.
struct AdminClient: Sendable {
    private static let deadline = 10

    let socket: String
    let messages: Messages
    /// Goes into the audit with whatever is changed.
    var reason: String?

    private var http: UnixHTTPClient { UnixHTTPClient(socketPath: socket) }

    func get(_ target: String) async throws -> [UInt8] {
        try await request("GET", target)
    }

    func request(_ method: String, _ target: String, body: [UInt8] = [], seconds: Int = deadline) async throws
        -> [UInt8]
    {
        try await call(method, target, body: body, seconds: seconds).body
    }

    /// With the answer's headers.
    func call(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: [UInt8] = [],
        seconds: Int = deadline,
        bodyLimit: Int = 4 << 20
    ) async throws -> UnixHTTPClient.Response {
        var headers = headers
        headers["x-reason"] = reason
        do {
            let response = try await http.request(
                method,
                target,
                headers: headers,
                body: body,
                deadline: .seconds(seconds),
                bodyLimit: bodyLimit
            )
            guard (200..<300).contains(response.status) else { throw failure(of: response, target) }
            return response
        } catch let error as UnixHTTPError {
            throw failure(of: error)
        }
    }

    func decode<Value: Decodable>(_ type: Value.Type, _ body: [UInt8]) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw complain(messages.notUnderstood("\(type)"), Exit.failed)
        }
    }

    /// Hands over server-sent events until the stream ends.
    func events(_ target: String, receive: @escaping @Sendable (ServerSentEvent) async throws -> Void)
        async throws
    {
        let parser = StreamParser()
        do {
            let refusal = try await http.stream(target) { bytes in
                for event in try await parser.feed(bytes) { try await receive(event) }
            }
            if let refusal { throw failure(of: refusal, target) }
        } catch let error as UnixHTTPError {
            throw failure(of: error)
        }
    }

    private func failure(of response: UnixHTTPClient.Response, _ target: String) -> ExitCode {
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(response.body))
        let detail = problem?.detail ?? problem?.title ?? "status \(response.status)"
        let hint = problem?.hint.map { "\n   -> \($0)" } ?? ""
        return switch response.status {
        case 403: complain(messages.denied(detail), Exit.denied)
        case 422: complain(detail + hint, Exit.invalid)
        case 409, 412: complain((problem.map { "\($0.title): " } ?? "") + detail + hint, Exit.conflict)
        default: complain("\(target): \(detail)\(hint)", Exit.failed)
        }
    }

    private func failure(of error: UnixHTTPError) -> ExitCode {
        switch error {
        case .unreachable(_, .some(EACCES)): complain(messages.socketDenied(socket), Exit.denied)
        case .unreachable: complain(messages.unreachable(socket), Exit.unreachable)
        case .deadline: complain(messages.late(Self.deadline), Exit.deadline)
        case .bodyTooLong: complain(messages.notUnderstood(socket), Exit.failed)
        case .incomplete: complain(messages.unreachable(socket), Exit.unreachable)
        }
    }

    private func complain(_ text: String, _ code: ExitCode) -> ExitCode {
        StandardError.print("drimboxctl: \(text)")
        return code
    }
}

private actor StreamParser {
    private var parser = ServerSentEventParser()

    func feed(_ bytes: [UInt8]) throws -> [ServerSentEvent] {
        try parser.feed(bytes)
    }
}
