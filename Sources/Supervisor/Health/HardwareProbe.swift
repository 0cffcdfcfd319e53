// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux

/// `drimbox-probe`, asked within a deadline: behind its socket where systemd runs us, as a child elsewhere.
struct HardwareProbe: Sendable {
    enum Door: Sendable {
        case socket(String)
        case child(executable: String, arguments: [String])
    }

    /// Longer than smartctl's own, and than any TPM needs that answers at all.
    static let diskDeadline = 25
    static let tpmDeadline = 10
    /// Longer than arping's.
    static let addressDeadline = 8

    let door: Door

    /// Nil where nothing came in time, or what came is no answer.
    func ask(_ request: ProbeRequest, seconds: Int) async -> ProbeAnswer? {
        guard let question = try? JSONEncoder().encode(request) else { return nil }
        let output: [UInt8]
        switch door {
        case .socket(let path):
            guard
                case .success(let bytes) = await UnixSocket.exchange(
                    path,
                    Array(question) + [0x0A],
                    seconds: seconds
                )
            else { return nil }
            output = bytes
        case .child(let executable, let arguments):
            let text = String(decoding: question, as: UTF8.self)
            let result = try? await ChildProcess.run(
                executable,
                arguments + ["--request", text],
                deadline: .seconds(seconds),
                limit: 1 << 20
            )
            output = Array((result?.output ?? "").utf8)
        }
        return try? JSONDecoder().decode(ProbeAnswer.self, from: Data(output))
    }
}
