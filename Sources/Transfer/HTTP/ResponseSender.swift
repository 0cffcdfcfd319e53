// SPDX-License-Identifier: Apache-2.0
import Linux
import NIOCore
import NIOHTTP1

/// Sends one response: as much as the channel takes, then waits until it is writable again. File parts go out
/// by sendfile(2), or, where they must be encrypted, in pieces that are read; at no time are more than the write
/// buffer's high-water mark and one part or piece queued.
final class ResponseSender {
    private let response: HTTPResponse
    private let request: HTTPRequestHead
    private let context: ChannelHandlerContext
    private let isEncrypted: Bool
    private let journal: TransferJournal?
    private let stalledSeconds: Int64
    private let whenDone: () -> Void

    private var nextPart = 0
    private var isBodySent = false
    private var isEnded = false
    private var isPumping = false
    /// One handle per segment file: NIO wants its own object around a descriptor that stays ours.
    private var handles: [ObjectIdentifier: (file: any SharedFile, handle: NIOFileHandle)] = [:]
    private var stallCheck: RepeatedTask?
    private var pendingAtLastCheck = -1
    private var streamTask: Task<Void, Never>?
    /// A part that is being read, where it is to be encrypted.
    private var reading: Reading?
    /// Of a response whose parts arrive while it is sent.
    private var arrivedInstances = 0
    private var arrivedBytes: Int64 = 0

    init(
        _ response: HTTPResponse,
        to request: HTTPRequestHead,
        context: ChannelHandlerContext,
        isEncrypted: Bool,
        journal: TransferJournal?,
        stalledSeconds: Int64,
        whenDone: @escaping () -> Void
    ) {
        self.response = response
        self.request = request
        self.context = context
        self.isEncrypted = isEncrypted
        self.journal = journal
        self.stalledSeconds = stalledSeconds
        self.whenDone = whenDone
    }

    func start() {
        var head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        if let length = response.body.length {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(length)")
        } else {
            head.headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
        }
        if !request.isKeepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        watchForStall()
        write(.head(head))
        if request.method == .HEAD {
            finish()
            return
        }
        switch response.body {
        case .bytes(let bytes):
            if !bytes.isEmpty { write(.body(.byteBuffer(ByteBuffer(bytes: bytes)))) }
            finish()
        case .parts:
            setCork(true)
            pump()
        case .arriving(let parts):
            context.flush()
            follow(parts)
        case .stream(let stream):
            context.flush()
            follow(stream)
        }
    }

    /// Queues parts while the channel is writable.
    func pump() {
        // Writing changes the channel's writability, which calls this again.
        guard !isPumping, !isEnded, !isBodySent else { return }
        guard case .parts(let count, _, let part) = response.body else { return }
        isPumping = true
        defer { isPumping = false }
        repeat {
            while nextPart < count || reading != nil, context.channel.isWritable {
                guard reading == nil else {
                    writePiece()
                    continue
                }
                let next = part(nextPart)
                nextPart += 1
                if isEncrypted {
                    reading = Reading(head: next.head, extent: next.extent)
                    continue
                }
                if !next.head.isEmpty { write(.body(.byteBuffer(ByteBuffer(bytes: next.head)))) }
                if let extent = next.extent { write(.body(.fileRegion(region(extent)))) }
            }
            if isEnded { return }
            if nextPart == count, reading == nil {
                finish()
                return
            }
            context.flush()
            // The flush may have made it writable at once; nobody else calls then.
        } while context.channel.isWritable && !isEnded
    }

    /// Reads the next piece of the current part and writes it.
    private func writePiece() {
        guard var current = reading.take() else { return }
        do throws(SystemCallError) {
            var buffer = ByteBuffer()
            let isDone = try current.append(to: &buffer, allocator: context.channel.allocator)
            if !isDone { reading = current }
            // Flushed piece by piece: the TLS handler encrypts what is flushed, and only that counts as queued.
            context.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(buffer))), promise: nil)
        } catch {
            breakOff()
        }
    }

    /// Lets go of everything; what was not sent is not sent.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        stallCheck?.cancel()
        streamTask?.cancel()
        for entry in handles.values { _ = try? entry.handle.takeDescriptorOwnership() }
        handles = [:]
    }

    private func finish() {
        isBodySent = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { result in
            bound.value.sent(result)
        }
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: promise)
    }

    private func sent(_ result: Result<Void, any Error>) {
        guard !isEnded else { return }
        if case .success = result {
            count()
            if case .parts = response.body { setCork(false) }
        }
        end()
        whenDone()
    }

    private func count() {
        guard let journal, request.method != .HEAD else { return }
        var (instances, bytes) = (arrivedInstances, arrivedBytes)
        if case .parts(let count, let length, _) = response.body {
            // The last part is the closing boundary.
            (instances, bytes) = (max(0, count - 1), length)
        }
        journal.count {
            $0.instancesRetrieved += instances
            $0.bytesRetrieved += bytes
        }
    }

    private func write(_ part: HTTPServerResponsePart) {
        context.write(NIOAny(part), promise: nil)
    }

    private func region(_ extent: FileExtent) -> FileRegion {
        let key = ObjectIdentifier(extent.file)
        let handle =
            handles[key]?.handle
            ?? NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: extent.file.descriptor)
        handles[key] = (extent.file, handle)
        return FileRegion(
            fileHandle: handle,
            readerIndex: Int(extent.offset),
            endIndex: Int(extent.offset + extent.length)
        )
    }

    private func setCork(_ isOn: Bool) {
        guard context.channel.localAddress?.protocol != .unix else { return }
        let option = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCPOption.cork))
        try? context.channel.syncOptions?.setOption(option, value: isOn ? 1 : 0)
    }

    /// Closes the connection of a peer that takes nothing for `stalledSeconds`.
    private func watchForStall() {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let interval = TimeAmount.seconds(stalledSeconds)
        stallCheck = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.checkForStall()
        }
    }

    private func checkForStall() {
        guard !isEnded else { return }
        let pending = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if pending > 0, pending == pendingAtLastCheck { context.close(promise: nil) }
        pendingAtLastCheck = pending
    }

    private func follow(_ parts: any AsyncSequence<HTTPBodyPart, any Error> & Sendable) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        streamTask = Task {
            do {
                for try await part in parts {
                    try await loop.flatSubmit { bound.value.send(part) }.get()
                }
                try await loop.submit { bound.value.finishStream() }.get()
            } catch {
                loop.execute { bound.value.breakOff() }
            }
        }
    }

    /// Completes when the kernel has taken the part.
    private func send(_ part: HTTPBodyPart) -> EventLoopFuture<Void> {
        guard !isEnded else { return context.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        if isEncrypted {
            arrivedInstances += part.extent == nil ? 0 : 1
            arrivedBytes += part.extent?.length ?? 0
            return send(Reading(head: part.head, extent: part.extent))
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        if let extent = part.extent {
            if !part.head.isEmpty { write(.body(.byteBuffer(ByteBuffer(bytes: part.head)))) }
            context.writeAndFlush(
                NIOAny(HTTPServerResponsePart.body(.fileRegion(region(extent)))),
                promise: promise
            )
            arrivedInstances += 1
            arrivedBytes += extent.length
        } else {
            let body = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: part.head)))
            context.writeAndFlush(NIOAny(body), promise: promise)
        }
        return promise.futureResult
    }

    private func send(_ reading: Reading) -> EventLoopFuture<Void> {
        var reading = reading
        guard !isEnded else { return context.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        do throws(SystemCallError) {
            var buffer = ByteBuffer()
            let isDone = try reading.append(to: &buffer, allocator: context.channel.allocator)
            let promise = context.eventLoop.makePromise(of: Void.self)
            context.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(buffer))), promise: promise)
            if isDone { return promise.futureResult }
            let bound = NIOLoopBound((self, reading), eventLoop: context.eventLoop)
            return promise.futureResult.flatMap { bound.value.0.send(bound.value.1) }
        } catch {
            return context.eventLoop.makeFailedFuture(error)
        }
    }

    /// The response cannot be finished: its reader sees the connection end before the last chunk.
    private func breakOff() {
        guard !isEnded else { return }
        let context = context
        end()
        context.close(promise: nil)
    }

    private func follow(_ stream: AsyncStream<[UInt8]>) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        streamTask = Task {
            do {
                for await piece in stream {
                    try await loop.flatSubmit { bound.value.send(piece) }.get()
                }
                try await loop.submit { bound.value.finishStream() }.get()
            } catch {
                // The connection is gone; its handler ends this sender.
            }
        }
    }

    /// Completes when the kernel has taken the piece, so that a slow reader holds back the stream.
    private func send(_ piece: [UInt8]) -> EventLoopFuture<Void> {
        guard !isEnded else { return context.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
        let part = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: piece)))
        let promise = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(NIOAny(part), promise: promise)
        return promise.futureResult
    }

    private func finishStream() {
        if !isEnded { finish() }
    }
}

/// A part whose file is read piece by piece.
private struct Reading {
    /// Bytes per read and write.
    static let piece = 1 << 20

    private var head: [UInt8]
    private let extent: FileExtent?
    private var position: Int64 = 0

    init(head: [UInt8], extent: FileExtent?) {
        self.head = head
        self.extent = extent
    }

    /// Appends the head and as much as makes a piece; whether that was all.
    mutating func append(to buffer: inout ByteBuffer, allocator: ByteBufferAllocator) throws(SystemCallError)
        -> Bool
    {
        let left = (extent?.length ?? 0) - position
        let count = Int(min(left, Int64(Self.piece)))
        buffer = allocator.buffer(capacity: head.count + count)
        buffer.writeBytes(head)
        head = []
        guard let extent, count > 0 else { return true }
        let start = position
        try buffer.writeWithOutputRawSpan(minimumWritableBytes: count) { (output) throws(SystemCallError) in
            try extent.read(at: start, count: count, pieceLength: count, gap: 0, into: &output)
        }
        position += Int64(count)
        return position == extent.length
    }
}
