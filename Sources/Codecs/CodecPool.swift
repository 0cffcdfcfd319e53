// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Linux

/// Codec processes, kept for the next request. As many run as there are requests at once: who asks bounds them.
package actor CodecPool {
    /// Requests after which a process makes room for a new one.
    private static let requestsPerProcess = 1000

    private struct Idle {
        let process: CodecProcess
        let requests: Int
    }

    private let executable: String
    /// Holds what is written until it is sent, in files without names.
    private let directory: String
    private let limits: CodecLimits
    private var idle: [Idle] = []
    private var isShutDown = false

    package init(executable: String, directory: String, limits: CodecLimits = CodecLimits()) {
        self.executable = executable
        self.directory = directory
        self.limits = limits
    }

    /// The Part 10 file `input` anew in `syntax`, one of `Transcoding.targets`; with `frame`, from 1, that one of
    /// encapsulated pixel data, as an instance of one frame.
    package func transcode(
        _ input: FileExtent,
        to syntax: UID,
        frame: Int? = nil
    ) async throws(PixelDataError) -> (file: FileExtent, dataSetOffset: Int64) {
        let (file, reply) = try await perform(.transcode(to: syntax.string, frame: frame), input)
        return (file, reply.dataSetOffset)
    }

    /// One frame of the Part 10 file `input` as an image.
    package func render(_ input: FileExtent, _ rendering: Rendering) async throws(PixelDataError)
        -> FileExtent
    {
        try await perform(.render(rendering), input).file
    }

    package func shutdown() async {
        isShutDown = true
        let ending = idle
        idle = []
        for one in ending { await one.process.end() }
    }

    private func perform(
        _ work: CodecRequest.Work,
        _ input: FileExtent
    ) async throws(PixelDataError) -> (file: FileExtent, reply: CodecReply) {
        guard !isShutDown else { throw .notAvailable("the gateway ends") }
        let output: OpenFile
        do {
            output = try OpenFile.unnamed(in: directory)
        } catch {
            throw .notWritten
        }
        let request = CodecRequest(offset: input.offset, length: input.length, work: work)
        let seconds = limits.seconds(for: input.length)
        func reply(of one: Idle) async throws(PixelDataError) -> CodecReply? {
            let reply = try await one.process.perform(
                request,
                input: input.file.descriptor,
                output: output.descriptor,
                seconds: seconds
            )
            if reply == nil || isShutDown || one.requests + 1 >= Self.requestsPerProcess {
                await one.process.end()
            } else {
                idle.append(Idle(process: one.process, requests: one.requests + 1))
            }
            return reply
        }
        var found: CodecReply?
        while found == nil, let one = idle.popLast() { found = try await reply(of: one) }
        if found == nil {
            let one = Idle(process: try await CodecProcess.start(executable), requests: 0)
            found = try await reply(of: one)
            if found == nil { throw .crashed("\(await one.process.end())") }
        }
        guard let reply = found else { throw .crashed("no answer") }
        if let problem = reply.problem { throw problem }
        do {
            return (try output.extent(), reply)
        } catch {
            throw .notWritten
        }
    }
}
