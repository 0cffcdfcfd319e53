// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Updates

/// The index below which nothing is installed: in the TPM, through the probe; in a file where there is no TPM, which keeps
/// off mistakes and no attacker.
struct FloorKeeper: Sendable {
    private static let deadline = Duration.seconds(30)

    private let directory: String
    private let probe: String?
    private let vendorKeyPath: String

    init(_ configuration: UpdateConfiguration) {
        directory = configuration.directory
        probe = configuration.probe
        vendorKeyPath = configuration.vendorKey ?? ""
    }

    private func vendorKey() throws -> [UInt8] { try readFile(vendorKeyPath, limit: 4096) }

    private var path: String { directory + "/floor" }

    var keeper: String { probe == nil ? "software" : "TPM" }

    func value() async throws -> UInt64 {
        let software = try recorded()
        guard probe != nil else { return software }
        guard case .floor(let floor) = try await ask(.floor(vendorKey: vendorKey())) else {
            throw UpdateRefusal(description: "probe: found another answer, expected the floor")
        }
        guard let value = floor.value else {
            throw UpdateRefusal(
                description:
                    "TPM: floor: found \(floor.state?.rawValue ?? "no TPM"), expected one that is present"
            )
        }
        return max(software, value)
    }

    /// 0 where none was ever written; one that cannot be read is not taken for none.
    private func recorded() throws -> UInt64 {
        if FileStamp(path) == nil { return 0 }
        let text = String(decoding: try readFile(path, limit: 32), as: UTF8.self)
        guard let value = UInt64(text) else {
            throw UpdateRefusal(description: "\(path): found no number, expected the floor")
        }
        return value
    }

    /// No error where it is there or above.
    func raise(to index: UInt64, _ manifest: ReleaseManifest?) async throws {
        if probe != nil {
            guard let leave = manifest?.floor, UInt64(leave.value) == index else {
                throw UpdateRefusal(
                    description: "manifest: found no signed floor of \(index), expected the vendor's"
                )
            }
            let request = ProbeRequest.raiseFloor(
                value: index,
                signature: leave.signature,
                vendorKey: try vendorKey()
            )
            guard case .floorRaise = try await ask(request) else {
                throw UpdateRefusal(description: "probe: found another answer, expected the new floor")
            }
        } else {
            if try await value() >= index { return }
            try replaceFile(path, with: Array("\(index)".utf8), mode: 0o600)
            try Directory.synchronize(directory)
        }
    }

    private func ask(_ request: ProbeRequest) async throws -> ProbeAnswer {
        let text = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let (exit, output) = try await ChildProcess.run(
            probe ?? "",
            ["--request", text],
            deadline: Self.deadline
        )
        guard case .status(0) = exit else { throw UpdateRefusal(description: "probe: \(exit)") }
        let answer = try JSONDecoder().decode(ProbeAnswer.self, from: Data(output.utf8))
        switch answer {
        case .tpmFailure(let failure): throw UpdateRefusal(description: "TPM: \(failure)")
        case .refused(let reason): throw UpdateRefusal(description: "probe: \(reason)")
        default: return answer
        }
    }
}
