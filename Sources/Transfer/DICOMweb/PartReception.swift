// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Linux

/// What became of one part of a multipart body.
package struct PartOutcome: Sendable, Equatable {
    package struct Failure: Sendable, Equatable {
        /// (0008,1197) Failure Reason.
        package let reason: UInt16
        package let comment: String
    }

    package var sopClassUID: UID?
    package var sopInstanceUID: UID?
    package var studyInstanceUID: UID?
    package var seriesInstanceUID: UID?
    /// Of the Part 10 file.
    package var bytes: Int64 = 0
    /// Nil: it is in the spool.
    package var failure: Failure?
}

/// The Part 10 files of a multipart/related body: from bytes as they arrive to instances in the spool. Holds at most
/// one file meta information and what the header reader carries.
struct PartReception {
    private enum Stage {
        case betweenParts
        /// The file meta information is being collected.
        case meta([UInt8])
        case dataSet(transferSyntax: UID)
        /// Refused; the rest is passed over.
        case refused
    }

    /// Preamble, prefix and the first element: before, nothing can be said.
    private static let leastHead = 144

    private var reader: MultipartReader
    private let writer: any InstanceWriter
    /// The study that the request names: others are refused.
    private let study: UID?
    private var stage = Stage.betweenParts
    private var headerReader = InstanceHeaderReader(transferSyntax: TransferSyntax.explicitVRLittleEndian)
    private var header: InstanceHeader?
    private var outcome = PartOutcome()

    init(reader: MultipartReader, writer: any InstanceWriter, study: UID? = nil) {
        self.reader = reader
        self.writer = writer
        self.study = study
    }

    /// Takes the next bytes of the body; the parts that end in them.
    mutating func feed(_ bytes: RawSpan) throws(MultipartError) -> [PartOutcome] {
        var outcomes: [PartOutcome] = []
        var offset = 0
        while let event = try reader.next(bytes, &offset) {
            switch event {
            case .part:
                outcome = PartOutcome()
                header = nil
                stage = .meta([])
            case .body(let range): take(bytes.extracting(range))
            case .heldBack(let held): held.withRawSpan { take($0) }
            case .endOfPart: outcomes.append(finishPart())
            case .end: break
            }
        }
        return outcomes
    }

    /// The body has ended; throws where it was cut. A part that was cut is forgotten.
    mutating func finish() throws(MultipartError) {
        if case .betweenParts = stage {} else { writer.abandon() }
        try reader.finish()
    }

    private mutating func take(_ bytes: RawSpan) {
        outcome.bytes += Int64(bytes.byteCount)
        switch stage {
        case .betweenParts, .refused: break
        case .meta(var head):
            stage = .refused
            head.append(bytes, 0..<bytes.byteCount)
            readMeta(head, isLast: false)
        case .dataSet(let syntax): append(bytes, syntax)
        }
    }

    private mutating func readMeta(_ head: [UInt8], isLast: Bool) {
        guard head.count >= Self.leastHead || isLast else {
            stage = .meta(head)
            return
        }
        do throws(DataSetError) {
            let (meta, start) = try head.withRawSpan { (bytes) throws(DataSetError) in
                try FileMetaInformation.decode(bytes)
            }
            // Where the group has no length, its end is seen only by what follows.
            guard start < head.count || isLast else {
                stage = .meta(head)
                return
            }
            begin(meta, head, start)
        } catch .truncated where head.count <= FileMetaInformation.maximumLength + 132 && !isLast {
            stage = .meta(head)
        } catch {
            refuse(.cannotUnderstand, "\(error)")
        }
    }

    private mutating func begin(_ meta: FileMetaInformation, _ head: [UInt8], _ start: Int) {
        outcome.sopClassUID = meta.mediaStorageSOPClassUID
        outcome.sopInstanceUID = meta.mediaStorageSOPInstanceUID
        headerReader = InstanceHeaderReader(transferSyntax: meta.transferSyntaxUID)
        // Kept as it came where that is possible: private information and all.
        let isShort = start <= FileMetaInformation.maximumStoredLength
        do throws(InstanceWriterError) {
            try writer.begin(fileMetaInformation: isShort ? Array(head[..<start]) : meta.encode())
        } catch {
            return refuse(error)
        }
        stage = .dataSet(transferSyntax: meta.transferSyntaxUID)
        if start < head.count {
            head.withRawSpan { append($0.extracting(start..<$0.byteCount), meta.transferSyntaxUID) }
        }
    }

    private mutating func append(_ bytes: RawSpan, _ syntax: UID) {
        do {
            if header == nil { header = try headerReader.feed(bytes) }
        } catch {
            return refuse(.cannotUnderstand, "\(error)")
        }
        do throws(InstanceWriterError) {
            try writer.append(bytes, [0..<bytes.byteCount])
        } catch {
            refuse(error)
        }
    }

    private mutating func finishPart() -> PartOutcome {
        if case .meta(let head) = stage { readMeta(head, isLast: true) }
        if case .dataSet(let syntax) = stage { commit(syntax) }
        stage = .betweenParts
        return outcome
    }

    private mutating func commit(_ syntax: UID) {
        let header: InstanceHeader
        do throws(DataSetError) {
            if let read = self.header { header = read } else { header = try headerReader.finish() }
        } catch {
            return refuse(.cannotUnderstand, "\(error)")
        }
        outcome.studyInstanceUID = header.studyInstanceUID
        outcome.seriesInstanceUID = header.seriesInstanceUID
        guard header.sopClassUID == outcome.sopClassUID, header.sopInstanceUID == outcome.sopInstanceUID
        else {
            return refuse(
                .dataSetDoesNotMatchSOPClass,
                "UIDs in the data set differ from the file meta information"
            )
        }
        guard study == nil || header.studyInstanceUID == study else {
            return refuse(.dataSetDoesNotMatchSOPClass, "study: found another than the request's")
        }
        do throws(InstanceWriterError) {
            try writer.commit(header, transferSyntax: syntax)
        } catch {
            refuse(error)
        }
    }

    private mutating func refuse(_ error: InstanceWriterError) {
        switch error {
        case .outOfResources(let reason): refuse(.refusedOutOfResources, reason)
        case .failed(let reason): refuse(.processingFailure, reason)
        }
    }

    private mutating func refuse(_ status: DIMSEStatus, _ comment: String) {
        writer.abandon()
        outcome.failure = PartOutcome.Failure(reason: status.rawValue, comment: comment)
        stage = .refused
    }
}
