// SPDX-License-Identifier: Apache-2.0
import CCodecs
import Codecs
import Linux

/// Decodes and encodes pixel data for the gateway, which starts it with a socket as standard input. What it reads
/// comes from anywhere: it cannot open a file or a socket, and has only so much memory.
@main
struct Command {
    static func main() {
        do {
            ccodecs_initialise()
            try ParentProcess.bindLife()
            // Not everybody may; the memory has its limit all the same.
            try? OwnProcess.volunteerForTheOutOfMemoryKiller()
            let code = ccodecs_confine(CodecLimits.addressSpace)
            guard code == 0 else {
                throw SystemCallError(call: "seccomp", subject: "drimbox-codec", errno: code)
            }
            let socket = MessageSocket(owning: 0)
            while let message = try socket.receive() {
                try socket.send(try CodecWork.answer(to: message))
            }
        } catch {
            StandardError.print("drimbox-codec: \(error); it is started by drimbox-gateway")
            OwnProcess.end(status: 1)
        }
    }
}
