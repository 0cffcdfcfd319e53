// SPDX-License-Identifier: Apache-2.0
import DICOM
import FoundationEssentials
import Linux

/// A process that decodes and encodes for us, one request at a time.
final class CodecProcess: Sendable {
    private let child: ChildProcess
    private let socket: MessageSocket

    private init(_ child: ChildProcess, _ socket: MessageSocket) {
        self.child = child
        self.socket = socket
    }

    static func start(_ executable: String) async throws(PixelDataError) -> CodecProcess {
        do {
            let (own, other) = try MessageSocket.pair()
            let child = try await ChildProcess.start(executable, [], input: .descriptor(other.rawValue))
            return CodecProcess(child, own)
        } catch {
            throw .notAvailable("\(error)")
        }
    }

    /// Hands the request over and waits for the answer; nil where the process had ended before it could take it. It is of
    /// no use any more after that, nor after an error.
    func perform(
        _ request: CodecRequest,
        input: Int32,
        output: Int32,
        seconds: Int
    ) async throws(PixelDataError) -> CodecReply? {
        let message: [UInt8]
        do {
            message = Array(try JSONEncoder().encode(request))
        } catch {
            throw .notAvailable("the request cannot be written")
        }
        let answer = await exchange(message, [input, output], milliseconds: Int32(seconds * 1000))
        switch answer {
        case .success(let bytes?):
            guard let reply = try? JSONDecoder().decode(CodecReply.self, from: Data(bytes)) else {
                await end()
                throw .crashed("an answer that is none")
            }
            return reply
        case .success(nil): throw .crashed("\(await end())")
        case .failure(let error) where error.errno == SystemCallError.timedOut:
            await end()
            throw .timedOut(seconds: seconds)
        case .failure(let error) where error.call == "sendmsg": return nil
        case .failure: throw .crashed("\(await end())")
        }
    }

    /// Both calls block: on a thread of their own.
    private func exchange(
        _ message: [UInt8],
        _ files: [Int32],
        milliseconds: Int32
    ) async -> Result<[UInt8]?, SystemCallError> {
        await withCheckedContinuation { continuation in
            let socket = socket
            let hasStarted = DetachedThread.start {
                do throws(SystemCallError) {
                    try socket.send(message, files: files)
                    continuation.resume(returning: .success(try socket.receive(within: milliseconds)?.bytes))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !hasStarted {
                let error = SystemCallError(
                    call: "pthread_create",
                    subject: "codec",
                    errno: SystemCallError.again
                )
                continuation.resume(returning: .failure(error))
            }
        }
    }

    @discardableResult
    func end() async -> ProcessExit {
        child.signal(Signal.kill)
        return await child.exit()
    }
}
