// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Updates

/// The index below which nothing is installed: in the TPM, through the probe; in a file where there is no TPM, which keeps
/// off mistakes and no attacker.
struct FloorKeeper: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

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
        let written = (try? readFile(path, limit: 32)).map { String(decoding: $0, as: UTF8.self) }
        let software = written.flatMap { UInt64($0) } ?? 0
        guard probe != nil else { return software }
        guard case .floor(let floor) = try await ask(.floor(vendorKey: vendorKey())) else {
            throw Failure(description: "probe: found another answer, expected the floor")
        }
        guard let value = floor.value else {
            throw Failure(
                description:
                    "TPM: floor: found \(floor.state?.rawValue ?? "no TPM"), expected one that is present"
            )
        }
        return max(software, value)
    }

    /// No error where it is there or above.
    func raise(to index: UInt64, _ manifest: ReleaseManifest?) async throws {
        if probe != nil {
            guard let leave = manifest?.floor, UInt64(leave.value) == index else {
                throw Failure(
                    description: "manifest: found no signed floor of \(index), expected the vendor's"
                )
            }
            let request = ProbeRequest.raiseFloor(
                value: index,
                signature: leave.signature,
                vendorKey: try vendorKey()
            )
            guard case .floorRaise = try await ask(request) else {
                throw Failure(description: "probe: found another answer, expected the new floor")
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
        guard case .status(0) = exit else { throw Failure(description: "probe: \(exit)") }
        let answer = try JSONDecoder().decode(ProbeAnswer.self, from: Data(output.utf8))
        switch answer {
        case .tpmFailure(let failure): throw Failure(description: "TPM: \(failure)")
        case .refused(let reason): throw Failure(description: "probe: \(reason)")
        default: return answer
        }
    }
}
