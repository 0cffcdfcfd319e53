// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore
import NIOHTTP1

/// STOW-RS (PS3.18 10.5): takes the instances of one request and answers for each.
final class StoreReceiver: HTTPBodyReceiver {
    private var reception: PartReception
    private let writer: any InstanceWriter
    private let baseURL: String
    private let journal: TransferJournal?
    private var outcomes: [PartOutcome] = []
    private var failure: MultipartError?

    init(
        reader: MultipartReader,
        receiver: any InstanceReceiver,
        study: UID?,
        baseURL: String,
        journal: TransferJournal?
    ) {
        writer = receiver.makeWriter(origin: .unsolicited)
        reception = PartReception(reader: reader, writer: writer, study: study)
        self.baseURL = baseURL
        self.journal = journal
    }

    func receive(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        do throws(MultipartError) {
            outcomes += try reception.feed(bytes.readableBytesSpan)
        } catch {
            failure = error
        }
    }

    /// What is acknowledged is on the disk: nobody sends it again.
    func response() -> HTTPResponse {
        do throws(MultipartError) {
            try reception.finish()
        } catch {
            failure = failure ?? error
        }
        do throws(InstanceWriterError) {
            try writer.flush()
        } catch {
            let reason = DIMSEStatus.refusedOutOfResources.rawValue
            for index in outcomes.indices where outcomes[index].failure == nil {
                outcomes[index].failure = PartOutcome.Failure(reason: reason, comment: "spool disk")
            }
        }
        writer.close()
        for outcome in outcomes where outcome.failure == nil { journal?.countReceived(outcome.bytes) }
        if let failure, !outcomes.contains(where: { $0.failure == nil }) {
            return .text(.badRequest, "\(failure)")
        }
        guard !outcomes.isEmpty else {
            return .text(.badRequest, "body: found no part, expected an instance")
        }
        return answer()
    }

    func abandon() {
        writer.abandon()
        try? writer.flush()
        writer.close()
    }

    /// PS3.18 Table 10.5.3-1 and the Store Instances Response Module (I.2.2).
    private func answer() -> HTTPResponse {
        let stored = outcomes.filter { $0.failure == nil }
        let failed = outcomes.filter { $0.failure != nil }
        var module = DataSet()
        if let study = stored.first?.studyInstanceUID, stored.allSatisfy({ $0.studyInstanceUID == study }) {
            module.set(.retrieveURL, "\(baseURL)/studies/\(study)")
        }
        if !failed.isEmpty { module.set(.failedSOPSequence, items: failed.map(Self.failedItem)) }
        if !stored.isEmpty { module.set(.referencedSOPSequence, items: stored.map(storedItem)) }
        var json: [UInt8] = []
        let source = ByteSource(module.encode())
        try? DICOMJSON.write(
            source,
            transferSyntax: TransferSyntax.explicitVRLittleEndian,
            bulkDataURI: { $0 },
            into: &json
        )
        let status: HTTPResponseStatus =
            stored.isEmpty ? .conflict : failed.isEmpty && failure == nil ? .ok : .accepted
        var response = HTTPResponse(status, headers: JSONArrayBody.headers, body: .bytes(json))
        if let failure { response.warn("\(failure)") }
        return response
    }

    private static func item(_ outcome: PartOutcome) -> DataSet {
        var item = DataSet()
        if let uid = outcome.sopClassUID { item.set(.referencedSOPClassUID, uids: [uid]) }
        if let uid = outcome.sopInstanceUID { item.set(.referencedSOPInstanceUID, uids: [uid]) }
        return item
    }

    private static func failedItem(_ outcome: PartOutcome) -> DataSet {
        var item = item(outcome)
        let reason = outcome.failure?.reason ?? 0
        item.set(.failureReason, .us, .bytes([UInt8(truncatingIfNeeded: reason), UInt8(reason >> 8)]))
        return item
    }

    private func storedItem(_ outcome: PartOutcome) -> DataSet {
        var item = Self.item(outcome)
        guard let study = outcome.studyInstanceUID, let series = outcome.seriesInstanceUID,
            let instance = outcome.sopInstanceUID
        else { return item }
        item.set(.retrieveURL, "\(baseURL)/studies/\(study)/series/\(series)/instances/\(instance)")
        return item
    }
}

/// Reads a body that is not wanted to its end, so that its sender sees the answer.
final class RefusingReceiver: HTTPBodyReceiver {
    private let answer: HTTPResponse

    init(_ answer: HTTPResponse) {
        self.answer = answer
    }

    func receive(_ bytes: ByteBuffer) {}
    func response() -> HTTPResponse { answer }
    func abandon() {}
}

extension DICOMwebService {
    /// Nil where the request is not one to store.
    package func receiver(for request: HTTPRequest) -> (any HTTPBodyReceiver)? {
        guard request.method == .POST, request.path.hasPrefix("/dicomweb/studies") else { return nil }
        guard case .store(let study) = try? DICOMwebRoute.parse(method: "POST", path: request.path) else {
            return nil
        }
        guard let receiver else {
            return RefusingReceiver(.text(.notImplemented, "studies: instances are not stored here"))
        }
        let type = request.headers.first(name: "Content-Type") ?? ""
        guard let range = try? MediaRange(type), range.type == "multipart/related",
            range.values("type").allSatisfy({ $0.lowercased() == "application/dicom" }),
            let reader = MultipartReader(contentType: type)
        else {
            let expected = "multipart/related; type=\"application/dicom\"; boundary=..."
            return RefusingReceiver(
                .text(.unsupportedMediaType, "Content-Type: found another, expected \(expected)")
            )
        }
        let acceptance = try? RetrieveAcceptance(AcceptHeader.parse(request.headers["Accept"]))
        guard acceptance?.acceptsMetadata != nil else { return RefusingReceiver(Self.wantsJSON) }
        return StoreReceiver(
            reader: reader,
            receiver: receiver,
            study: study,
            baseURL: Self.baseURL(request),
            journal: journal
        )
    }
}
