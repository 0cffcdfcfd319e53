// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import DICOM
import FoundationEssentials
import Linux
import NIOCore
import NIOHTTP1

extension DICOMwebClient {
    /// Instances in one STOW-RS request: what is lost with a broken one.
    private static let instancesPerRequest = 64
    private static let maximumAnswer = 16 << 20

    /// STOW-RS (PS3.18 10.5) to `url`, which ends in `/studies` or `/studies/{study}`. A result for each
    /// instance; what failed in a way that may pass is sent again, it alone. Instances that are to be coerced
    /// are refused: only C-STORE does that.
    package func store(
        _ url: String,
        _ instances: [StorableInstance],
        headers: [(name: String, value: String)] = [],
        onResult: @escaping @Sendable (StoreResult) -> Void
    ) async throws {
        for instance in instances where instance.coercion != nil {
            let comment = "STOW-RS: found an instance to be coerced, expected none"
            onResult(
                StoreResult(
                    sopInstanceUID: instance.sopInstanceUID,
                    outcome: .refused(.processingFailure, comment: comment),
                    bytes: instance.dataSetLength
                )
            )
        }
        var waiting = instances.filter { $0.coercion == nil }[...]
        while !waiting.isEmpty {
            let batch = Array(waiting.prefix(Self.instancesPerRequest))
            waiting = waiting.dropFirst(batch.count)
            try await store(batch, url, headers, onResult)
        }
    }

    private func store(
        _ batch: [StorableInstance],
        _ url: String,
        _ headers: [(name: String, value: String)],
        _ onResult: @Sendable (StoreResult) -> Void
    ) async throws {
        var left = batch
        var attempt = 1
        while true {
            let isLast = attempt >= options.policy.maximumAttempts
            var again: [StorableInstance] = []
            for (instance, outcome) in await send(left, url, headers) {
                let result = StoreResult(
                    sopInstanceUID: instance.sopInstanceUID,
                    outcome: outcome,
                    bytes: instance.dataSetLength
                )
                if result.mayBeRetried, !isLast { again.append(instance) } else { onResult(result) }
            }
            guard !again.isEmpty else { return }
            left = again
            try await Task.sleep(for: options.policy.delay(afterAttempt: attempt))
            attempt += 1
        }
    }

    private func send(
        _ instances: [StorableInstance],
        _ url: String,
        _ headers: [(name: String, value: String)]
    ) async -> [(StorableInstance, StoreResult.Outcome)] {
        func all(_ outcome: StoreResult.Outcome) -> [(StorableInstance, StoreResult.Outcome)] {
            instances.map { ($0, outcome) }
        }
        var generator = SystemRandomNumberGenerator()
        let multipart = MultipartRelated(using: &generator)
        let body = StoreBody(instances: instances, multipart: multipart)
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = HTTPHeaders(headers.map { ($0.name, $0.value) })
        request.headers.replaceOrAdd(name: "Content-Type", value: multipart.contentType)
        request.headers.replaceOrAdd(name: "Accept", value: "application/dicom+json")
        request.body = .stream(body, length: .known(body.length))
        do {
            let response: HTTPClientResponse
            do {
                response = try await http.execute(request, deadline: .distantFuture)
            } catch {
                throw Self.reason(error)
            }
            let status = Int(response.status.code)
            guard status == 200 || status == 202 || status == 409 else {
                throw DICOMwebError.refused(status: status, retryAfter: nil)
            }
            let answer = try await response.body.collect(upTo: Self.maximumAnswer)
            // Foundation traps where its limit of nesting is passed by the last byte: this is never the last one.
            let module = try JSONDecoder().decode(
                StoreAnswer.self,
                from: Data(answer.readableBytesView) + [0x0A]
            )
            return instances.map { ($0, module.outcome(of: $0.sopInstanceUID)) }
        } catch let error as DICOMwebError {
            if case .refused(let status, _) = error, !error.isTransient {
                return all(.refused(.processingFailure, comment: "HTTP status \(status)"))
            }
            return all(.failed(.notConnected("\(error)")))
        } catch {
            return all(.refused(.processingFailure, comment: "the answer is no DICOM JSON"))
        }
    }

    // MARK: QIDO-RS

    /// QIDO-RS (PS3.18 10.6): the matches as DICOM JSON objects by tag. `query` is percent-encoded. Further
    /// pages are asked for until `limit` matches are there or the server has no more.
    package func search(
        _ url: String,
        query: String = "",
        headers: [(name: String, value: String)] = [],
        limit: Int = 10_000,
        page: Int = 500
    ) async throws -> [[String: DICOMJSONElement]] {
        var matches: [[String: DICOMJSONElement]] = []
        while matches.count < limit {
            let asked = min(page, limit - matches.count)
            let separator = query.isEmpty ? "" : "&"
            var request = HTTPClientRequest(
                url: "\(url)?\(query)\(separator)limit=\(asked)&offset=\(matches.count)"
            )
            request.headers = HTTPHeaders(headers.map { ($0.name, $0.value) })
            request.headers.replaceOrAdd(name: "Accept", value: "application/dicom+json")
            let response = try await execute(request)
            if response.status == .noContent { return matches }
            let body = try await response.body.collect(upTo: Self.maximumAnswer)
            let found: [[String: DICOMJSONElement]]
            do {
                found = try JSONDecoder().decode(
                    type(of: matches),
                    from: Data(body.readableBytesView) + [0x0A]
                )
            } catch {
                throw DICOMwebError.invalidBody("body: found no DICOM JSON, expected an array of objects")
            }
            matches += found
            if found.count < asked { return matches }
        }
        return matches
    }
}

/// One attribute of the DICOM JSON model as far as queries need it (PS3.18 F.2.2).
package struct DICOMJSONElement: Decodable, Sendable {
    package let vr: String
    /// Strings and numbers as text; persons by their alphabetic name; nothing of other values.
    package let values: [String]

    private enum Key: String, CodingKey {
        case vr
        case value = "Value"
    }

    private struct Value: Decodable {
        let text: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let string = try? container.decode(String.self) {
                text = string
            } else if let number = try? container.decode(Int.self) {
                text = "\(number)"
            } else if let number = try? container.decode(Double.self) {
                text = "\(number)"
            } else if let name = try? container.decode([String: String].self) {
                text = name["Alphabetic"] ?? ""
            } else {
                text = ""
            }
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        vr = try container.decodeIfPresent(String.self, forKey: .vr) ?? ""
        values = try container.decodeIfPresent([Value].self, forKey: .value)?.map(\.text) ?? []
    }
}

/// The Store Instances Response Module (PS3.18 I.2.2).
private struct StoreAnswer: Decodable {
    private struct Sequence: Decodable {
        let items: [[String: DICOMJSONElement]]

        private enum Key: String, CodingKey {
            case items = "Value"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            items = try container.decodeIfPresent([[String: DICOMJSONElement]].self, forKey: .items) ?? []
        }
    }

    private let stored: Set<String>
    private let failed: [String: UInt16]

    private enum Key: String, CodingKey {
        case failedSOPSequence = "00081198"
        case referencedSOPSequence = "00081199"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let referenced = try container.decodeIfPresent(Sequence.self, forKey: .referencedSOPSequence)
        stored = Set((referenced?.items ?? []).compactMap { $0["00081155"]?.values.first })
        var failed: [String: UInt16] = [:]
        for item in try container.decodeIfPresent(Sequence.self, forKey: .failedSOPSequence)?.items ?? [] {
            guard let uid = item["00081155"]?.values.first else { continue }
            failed[uid] = item["00081197"]?.values.first.flatMap { UInt16($0) } ?? 0x0110
        }
        self.failed = failed
    }

    func outcome(of uid: UID) -> StoreResult.Outcome {
        if stored.contains(uid.string) { return .stored(.success) }
        if let reason = failed[uid.string] { return .refused(DIMSEStatus(rawValue: reason), comment: nil) }
        return .refused(.processingFailure, comment: "the answer does not name it")
    }
}

/// The body of a STOW-RS request: read from the files as it is sent.
private struct StoreBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private static let piece = 1 << 20

    let instances: [StorableInstance]
    let multipart: MultipartRelated

    private func head(_ index: Int) -> [UInt8] {
        multipart.partHeader(
            isFirst: index == 0,
            transferSyntax: nil,
            contentLength: Int(instances[index].file.length)
        )
    }

    var length: Int64 {
        var length = Int64(multipart.closing.count)
        for index in instances.indices { length += Int64(head(index).count) + instances[index].file.length }
        return length
    }

    struct Iterator: AsyncIteratorProtocol {
        let body: StoreBody
        var index = 0
        var position: Int64 = -1

        mutating func next() async throws -> ByteBuffer? {
            guard index < body.instances.count else {
                guard index == body.instances.count else { return nil }
                index += 1
                return ByteBuffer(bytes: body.multipart.closing)
            }
            if position < 0 {
                position = 0
                return ByteBuffer(bytes: body.head(index))
            }
            let file = body.instances[index].file
            let count = Int(Swift.min(Int64(StoreBody.piece), file.length - position))
            var buffer = ByteBuffer()
            let start = position
            try buffer.writeWithOutputRawSpan(minimumWritableBytes: count) {
                (output) throws(SystemCallError) in
                try file.read(at: start, count: count, pieceLength: count, gap: 0, into: &output)
            }
            position += Int64(count)
            if position == file.length { (index, position) = (index + 1, -1) }
            return buffer
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }
}
