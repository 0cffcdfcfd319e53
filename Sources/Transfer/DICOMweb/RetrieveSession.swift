// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import DICOM
import NIOCore
import NIOHTTP1

/// One retrieval with its attempts. Runs on threads that may block.
struct RetrieveSession: @unchecked Sendable {
    /// So many missing instances are asked for one by one.
    private static let singly = 50

    let client: DICOMwebClient
    /// Used by this retrieval's task only.
    let writer: any InstanceWriter
    let headers: HTTPHeaders
    /// Instances of another study are refused; nil where the study is not known.
    let study: UID?
    let bandwidth: BandwidthLimit?
    let journal: TransferJournal
    let onInstance: @Sendable (UID) -> Void

    func run(_ url: String, wanted: Set<UID>) async throws -> DICOMwebClient.Retrieved {
        var result = DICOMwebClient.Retrieved()
        defer { writer.close() }
        var attempt = 1
        while true {
            result.error = await attemptOnce(url, wanted, isFirst: attempt == 1, &result)
            result.missing = wanted.subtracting(result.stored)
            let isDone = result.error == nil && (wanted.isEmpty || result.missing.isEmpty)
            // A server that sends less than is wanted, without an error, has no more.
            let isHopeless = result.error.map { !$0.isTransient } ?? true
            let isLast = attempt >= client.options.policy.maximumAttempts
            if isDone || isHopeless || isLast || (!wanted.isEmpty && result.missing.isEmpty) { break }
            var pause = client.options.policy.delay(afterAttempt: attempt)
            if case .refused(_, let seconds?) = result.error {
                pause = max(pause, .seconds(min(seconds, 60)))
            }
            try await Task.sleep(for: pause)
            attempt += 1
        }
        do throws(InstanceWriterError) {
            try writer.flush()
        } catch {
            throw DICOMwebError.invalidBody("the spool could not be flushed")
        }
        return result
    }

    private func attemptOnce(
        _ url: String,
        _ wanted: Set<UID>,
        isFirst: Bool,
        _ result: inout DICOMwebClient.Retrieved
    ) async -> DICOMwebError? {
        let missing = wanted.subtracting(result.stored)
        let isSeries = url.contains("/series/") && !url.contains("/instances/")
        if !isFirst, isSeries, (1...Self.singly).contains(missing.count) {
            for uid in missing {
                if let error = await fetch("\(url)/instances/\(uid)", &result) { return error }
            }
            return nil
        }
        return await fetch(url, &result)
    }

    private func fetch(_ url: String, _ result: inout DICOMwebClient.Retrieved) async -> DICOMwebError? {
        do {
            var request = HTTPClientRequest(url: url)
            request.headers = headers
            let response = try await client.execute(request)
            let type = response.headers.first(name: "Content-Type") ?? "nothing"
            guard let reader = MultipartReader(contentType: type) else {
                return .notMultipart(found: String(type.prefix(100)))
            }
            var reception = PartReception(reader: reader, writer: writer, study: study)
            defer { writer.abandon() }
            for try await piece in response.body {
                if let bandwidth { try await bandwidth.wait(for: piece.readableBytes) }
                for outcome in try reception.feed(piece.readableBytesSpan) { note(outcome, &result) }
            }
            try reception.finish()
            return nil
        } catch {
            return DICOMwebClient.reason(error)
        }
    }

    private func note(_ outcome: PartOutcome, _ result: inout DICOMwebClient.Retrieved) {
        guard let uid = outcome.sopInstanceUID else {
            result.failures[UID(literal: "0")] = outcome.failure?.comment ?? "no Part 10 file"
            return
        }
        if let failure = outcome.failure {
            result.failures[uid] = failure.comment
            return
        }
        result.stored.append(uid)
        result.bytes += outcome.bytes
        result.failures[uid] = nil
        journal.countReceived(outcome.bytes)
        onInstance(uid)
    }
}

extension BandwidthLimit {
    /// Returns when `bytes` may go.
    func wait(for bytes: Int) async throws {
        while let delay = delay(for: bytes) { try await Task.sleep(for: .nanoseconds(delay.nanoseconds)) }
    }
}
