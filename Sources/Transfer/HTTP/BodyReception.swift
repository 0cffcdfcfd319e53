// SPDX-License-Identifier: Apache-2.0
import Linux
package import NIOCore
import NIOHTTP1

/// Takes a request's body as it arrives. Called on worker threads, one call at a time; may block.
package protocol HTTPBodyReceiver: AnyObject {
    func receive(_ bytes: ByteBuffer)
    /// The body has ended.
    func response() -> HTTPResponse
    /// The connection ended before the body did.
    func abandon()
}

/// Hands a request's body to its receiver, piece by piece: the peer is read from only when the last piece is done
/// with. Belongs to one connection's loop.
final class BodyReception {
    private enum Step {
        case piece(ByteBuffer)
        case end
    }

    /// Used by one worker at a time: a step begins when the one before has ended.
    private struct Unchecked: @unchecked Sendable {
        let receiver: any HTTPBodyReceiver
    }

    private let receiver: Unchecked
    private let workers: BlockingExecutor
    private let context: ChannelHandlerContext
    private let onResponse: (HTTPResponse) -> Void
    private var waiting: [Step] = []
    private var isBusy = false
    private var isAbandoned = false

    init(
        _ receiver: any HTTPBodyReceiver,
        workers: BlockingExecutor,
        context: ChannelHandlerContext,
        onResponse: @escaping (HTTPResponse) -> Void
    ) {
        self.receiver = Unchecked(receiver: receiver)
        self.workers = workers
        self.context = context
        self.onResponse = onResponse
        setAutoRead(false)
        context.read()
    }

    func receive(_ bytes: ByteBuffer) {
        waiting.append(.piece(bytes))
        proceed()
    }

    func end() {
        waiting.append(.end)
        proceed()
    }

    func abandon() {
        isAbandoned = true
        waiting = []
        if !isBusy { finishAbandoned() }
    }

    /// Nothing arrives while a piece is worked on, so the read buffer bounds what waits.
    func readMore() {
        if !isBusy, waiting.isEmpty, !isAbandoned { context.read() }
    }

    private func proceed() {
        guard !isBusy, !waiting.isEmpty, !isAbandoned else { return }
        isBusy = true
        let step = waiting.removeFirst()
        let receiver = receiver
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task(executorPreference: workers) {
            var response: HTTPResponse?
            switch step {
            case .piece(let bytes): receiver.receiver.receive(bytes)
            case .end: response = receiver.receiver.response()
            }
            let answer = response
            loop.execute { bound.value.done(answer) }
        }
    }

    private func done(_ response: HTTPResponse?) {
        isBusy = false
        if let response {
            setAutoRead(true)
            if !isAbandoned { onResponse(response) }
        } else if isAbandoned {
            finishAbandoned()
        } else if waiting.isEmpty {
            context.read()
        } else {
            proceed()
        }
    }

    private func finishAbandoned() {
        let receiver = receiver
        Task(executorPreference: workers) { receiver.receiver.abandon() }
    }

    private func setAutoRead(_ isOn: Bool) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: isOn)
    }
}
