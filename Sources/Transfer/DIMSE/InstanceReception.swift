// SPDX-License-Identifier: Apache-2.0
import DICOM

/// A C-STORE that is over, and what its response says.
struct StoreOutcome {
    let origin: InstanceOrigin
    let contextID: UInt8
    let request: CStoreRQ
    var status: DIMSEStatus
    var errorComment: String?
    /// Data set bytes received.
    let bytes: Int64
}

/// The C-STORE operations of one association: from slices of received bytes to instances in the spool.
///
/// The payload is never copied here: slices are remembered by their place in the buffer that was just read and
/// handed on in one gathered write per read.
struct InstanceReception {
    /// Slices per gathered write; the kernel takes 1024 at once (IOV_MAX).
    static let maximumSlices = 1000

    private struct Operation {
        let origin: InstanceOrigin
        let contextID: UInt8
        let request: CStoreRQ
        let transferSyntax: UID
        var headerReader: InstanceHeaderReader
        var header: InstanceHeader?
        var refusal: (status: DIMSEStatus, comment: String)?
        var bytes: Int64 = 0
    }

    private let source: AETitle
    private let receiver: any InstanceReceiver
    private let origin: (CStoreRQ) -> InstanceOrigin
    /// Made when the first instance of their origin comes.
    private var writers: [InstanceOrigin: any InstanceWriter] = [:]
    /// Writers with instances that a power cut would lose.
    private var unflushed: Set<InstanceOrigin> = []
    private var operation: Operation?
    private var slices: [Range<Int>] = []
    private var finished: [StoreOutcome] = []

    /// `origin` tells of a request whether anybody would send its instance again.
    init(source: AETitle, receiver: any InstanceReceiver, origin: @escaping (CStoreRQ) -> InstanceOrigin) {
        self.source = source
        self.receiver = receiver
        self.origin = origin
        slices.reserveCapacity(Self.maximumSlices)
    }

    private mutating func writer(_ origin: InstanceOrigin) -> any InstanceWriter {
        if let writer = writers[origin] { return writer }
        let writer = receiver.makeWriter(origin: origin)
        writers[origin] = writer
        return writer
    }

    /// Whether an instance has begun and not ended.
    var isReceiving: Bool { operation != nil }

    mutating func begin(_ request: CStoreRQ, contextID: UInt8, transferSyntax: UID) {
        var operation = Operation(
            origin: origin(request),
            contextID: contextID,
            request: request,
            transferSyntax: transferSyntax,
            headerReader: InstanceHeaderReader(transferSyntax: transferSyntax)
        )
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: request.affectedSOPClassUID,
            mediaStorageSOPInstanceUID: request.affectedSOPInstanceUID,
            transferSyntaxUID: transferSyntax,
            implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName,
            sourceApplicationEntityTitle: source.description
        )
        do {
            try writer(operation.origin).begin(fileMetaInformation: meta.encode())
        } catch {
            operation.refusal = Self.refusal(for: error)
        }
        self.operation = operation
    }

    /// Refuses the operation that has begun; its data set is read and dropped.
    mutating func refuse(_ status: DIMSEStatus, _ comment: String) {
        guard var operation = operation.take() else { return }
        refuse(&operation, status, comment)
        self.operation = operation
    }

    /// Takes a slice of the data set that lies at `range` of `bytes`. `bytes` must be the same for every call
    /// until `endOfRead`.
    mutating func dataSet(_ range: Range<Int>, isLast: Bool, in bytes: RawSpan) {
        guard var operation = operation.take() else { return }
        operation.bytes += Int64(range.count)
        if operation.refusal == nil, operation.header == nil {
            readHeader(&operation, bytes.extracting(range))
        }
        if operation.refusal == nil {
            if !range.isEmpty { slices.append(range) }
            if slices.count == Self.maximumSlices { write(&operation, bytes) }
        }
        if isLast {
            finish(&operation, bytes)
        } else {
            self.operation = operation
        }
    }

    /// Ends the use of the buffer just read: writes what lies in it, makes what must be durable durable, and
    /// returns the operations to answer.
    mutating func endOfRead(_ bytes: RawSpan) -> [StoreOutcome] {
        if var operation = operation.take() {
            if operation.refusal == nil { write(&operation, bytes) }
            self.operation = operation
        }
        guard !finished.isEmpty else { return [] }
        flushUnsolicited()
        defer { finished.removeAll(keepingCapacity: true) }
        return finished
    }

    /// Ends the association's use of the spool. An instance that was cut is forgotten.
    ///
    /// - Returns: what failed, where a flush did.
    mutating func end() -> String? {
        if let operation { writers[operation.origin]?.abandon() }
        operation = nil
        var failure: String?
        for (origin, writer) in writers {
            do {
                if unflushed.contains(origin) { try writer.flush() }
            } catch {
                failure = Self.refusal(for: error).comment
            }
            writer.close()
        }
        writers = [:]
        unflushed = []
        return failure
    }

    private mutating func readHeader(_ operation: inout Operation, _ slice: RawSpan) {
        do {
            operation.header = try operation.headerReader.feed(slice)
            if let header = operation.header { check(header, &operation) }
        } catch {
            refuse(&operation, .cannotUnderstand, "\(error)")
        }
    }

    private mutating func check(_ header: InstanceHeader, _ operation: inout Operation) {
        let request = operation.request
        if header.sopClassUID != request.affectedSOPClassUID {
            refuse(&operation, .dataSetDoesNotMatchSOPClass, "SOP class in data set differs from command")
        } else if header.sopInstanceUID != request.affectedSOPInstanceUID {
            refuse(&operation, .dataSetDoesNotMatchSOPClass, "SOP instance in data set differs from command")
        }
    }

    private mutating func write(_ operation: inout Operation, _ bytes: RawSpan) {
        guard !slices.isEmpty else { return }
        do {
            try writer(operation.origin).append(bytes, slices)
        } catch {
            let refusal = Self.refusal(for: error)
            refuse(&operation, refusal.status, refusal.comment)
        }
        slices.removeAll(keepingCapacity: true)
    }

    private mutating func finish(_ operation: inout Operation, _ bytes: RawSpan) {
        if operation.refusal == nil { write(&operation, bytes) }
        if operation.refusal == nil, operation.header == nil {
            do {
                let header = try operation.headerReader.finish()
                operation.header = header
                check(header, &operation)
            } catch {
                refuse(&operation, .cannotUnderstand, "\(error)")
            }
        }
        if operation.refusal == nil, let header = operation.header {
            do {
                try writer(operation.origin).commit(header, transferSyntax: operation.transferSyntax)
                unflushed.insert(operation.origin)
            } catch {
                let refusal = Self.refusal(for: error)
                refuse(&operation, refusal.status, refusal.comment)
            }
        }
        finished.append(
            StoreOutcome(
                origin: operation.origin,
                contextID: operation.contextID,
                request: operation.request,
                status: operation.refusal?.status ?? .success,
                errorComment: operation.refusal?.comment,
                bytes: operation.bytes
            )
        )
    }

    private mutating func refuse(_ operation: inout Operation, _ status: DIMSEStatus, _ comment: String) {
        operation.refusal = (status, comment)
        slices.removeAll(keepingCapacity: true)
        writers[operation.origin]?.abandon()
    }

    /// One flush answers for every operation that ended in this read (an asynchronous window's worth).
    private mutating func flushUnsolicited() {
        guard unflushed.contains(.unsolicited), let writer = writers[.unsolicited] else { return }
        do {
            try writer.flush()
            unflushed.remove(.unsolicited)
        } catch {
            let refusal = Self.refusal(for: error)
            for index in finished.indices
            where finished[index].status == .success && finished[index].origin == .unsolicited {
                finished[index].status = refusal.status
                finished[index].errorComment = refusal.comment
            }
        }
    }

    private static func refusal(for error: InstanceWriterError) -> (status: DIMSEStatus, comment: String) {
        switch error {
        case .outOfResources(let reason): (.refusedOutOfResources, reason)
        case .failed(let reason): (.processingFailure, reason)
        }
    }
}
