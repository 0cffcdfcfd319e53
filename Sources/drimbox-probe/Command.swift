// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Health
import HostNetwork
import Linux
import Provisioning
import TPM

/// The program, as it is started by its name.
package func run() async { await Command.main() }

/// Asks the hardware what only root may ask: one request on standard input or as an argument, one answer on
/// standard output, and it ends. A chip or a disk that never answers costs this process, which is killed.
struct Command {
    private static let smartctlDeadline: Duration = .seconds(20)
    private static let longestRequest = 64 << 10
    private static let mostAddresses = 64
    private static let longestCertificates = 1 << 20

    private var tcti = "device:/dev/tpmrm0"
    private var smartctl = "/usr/sbin/smartctl"
    private var shellDirectory = ShellLock.applianceDirectory
    private var recoveryDirectory = RecoveryKey.applianceDirectory
    private var request: String?

    private init(_ arguments: [String]) throws(Usage) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Usage(word: name) }
            switch name {
            case "--tcti": tcti = value
            case "--smartctl": smartctl = value
            case "--shell": shellDirectory = value
            case "--recovery": recoveryDirectory = value
            case "--request": request = value
            default: throw Usage(word: name)
            }
        }
    }

    private struct Usage: Error, CustomStringConvertible {
        let word: String

        var description: String {
            """
            found \(word), expected [--tcti TCTI] [--smartctl PATH] [--shell DIRECTORY] \
            [--recovery DIRECTORY] [--request JSON]
            """
        }
    }

    static func main() async {
        do {
            // The supervisor's end is ours, where it is the parent; a socket's instance has systemd for that.
            try? ParentProcess.bindLife()
            let command = try Command(Array(CommandLine.arguments.dropFirst()))
            let answer = await command.answer()
            print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
        } catch {
            StandardError.print("drimbox-probe: \(error)")
            OwnProcess.end(status: 2)
        }
    }

    private func answer() async -> ProbeAnswer {
        let text = request ?? readLine(strippingNewline: true) ?? ""
        guard text.utf8.count <= Self.longestRequest,
            let request = try? JSONDecoder().decode(ProbeRequest.self, from: Data((text + "\n").utf8))
        else { return .refused("a request that is not one of ours") }
        switch request {
        case .disk(let device): return await disk(device)
        case .tpm: return tpm { tpm throws(TPMFailure) in .tpm(try tpm.report()) }
        case .quote(let nonce): return tpm { tpm throws(TPMFailure) in .quote(try tpm.quote(nonce: nonce)) }
        case .publicKey:
            return tpm { tpm throws(TPMFailure) in .publicKey(try tpm.identityPublicKey()) }
        case .addressConflicts(let links): return await addressConflicts(links)
        case .certificates(let path): return certificates(path)
        case .certificateRequest(let commonName, let organization):
            return tpm { tpm throws(TPMFailure) in
                do throws(TPMFailure) {
                    _ = try tpm.createIdentityKey()
                } catch {
                    // One that is there is used.
                    guard error.kind == .keyExists else { throw error }
                }
                let subject = CertificateSubject(commonName: commonName, organization: organization)
                return .certificateRequest(try tpm.certificateRequest(for: subject))
            }
        case .floor(let vendorKey):
            let answer = tpm { tpm throws(TPMFailure) in .floor(try tpm.floor(vendorKey: vendorKey)) }
            if case .tpmFailure(let failure) = answer, failure.kind == .absent { return .floor(.withoutTPM) }
            return answer
        case .defineFloor(let value, let signature, let vendorKey):
            return tpm { tpm throws(TPMFailure) in
                .floor(try tpm.defineFloor(at: value, signature: signature, vendorKey: vendorKey))
            }
        case .raiseFloor(let value, let signature, let vendorKey):
            return tpm { tpm throws(TPMFailure) in
                .floorRaise(try tpm.raiseFloor(to: value, signature: signature, vendorKey: vendorKey))
            }
        case .recoveryKey(let group): return recoveryKey(forget: group)
        case .shellChallenge(let terminal, let asksTPM):
            guard asksTPM else { return shellChallenge(terminal, key: nil) }
            return tpm { tpm throws(TPMFailure) in
                shellChallenge(terminal, key: try tpm.identityPublicKey())
            }
        }
    }

    private func recoveryKey(forget group: String?) -> ProbeAnswer {
        let key = RecoveryKey(directory: recoveryDirectory)
        do {
            guard let group else { return .recoveryKey(try key.read()) }
            try key.forget(lastGroup: group)
            return .recoveryKey("")
        } catch {
            return .refused("\(error)")
        }
    }

    private func shellChallenge(_ terminal: String, key: [UInt8]?) -> ProbeAnswer {
        do {
            return .shellChallenge(
                try ShellLock(directory: shellDirectory).challenge(
                    fingerprint: key.map { CertificateChain.fullFingerprint($0) },
                    terminal: terminal,
                    at: Timestamp(milliseconds: WallClock.milliseconds())
                )
            )
        } catch {
            return .refused("\(error)")
        }
    }

    private func addressConflicts(_ links: [LinkAddress]) async -> ProbeAnswer {
        guard links.count <= Self.mostAddresses else {
            return .refused("found \(links.count) addresses, expected at most \(Self.mostAddresses)")
        }
        for link in links {
            // Neither may be an option of arping's.
            guard IPAddress(link.address)?.family == .v4, !link.interface.isEmpty,
                !link.interface.hasPrefix("-")
            else { return .refused("found \(link), expected an interface and its IPv4 address") }
        }
        return await withTaskGroup { group in
            for link in links {
                group.addTask { () -> Result<AddressConflict?, any Error> in
                    do { return .success(try await Arping().conflict(on: link)) } catch {
                        return .failure(error)
                    }
                }
            }
            var conflicts: [AddressConflict] = []
            var failures: [String] = []
            for await result in group {
                switch result {
                case .success(let conflict): conflicts += conflict.map { [$0] } ?? []
                case .failure(let error): failures.append("\(error)")
                }
            }
            return .addressConflicts(conflicts, failures: failures.sorted())
        }
    }

    private func certificates(_ path: String) -> ProbeAnswer {
        guard path.hasPrefix("/"), !path.contains("/../") else {
            return .refused("found \(path.prefix(80)), expected an absolute path")
        }
        do {
            return .certificates(
                CertificateText.certificates(in: try readFile(path, limit: Self.longestCertificates))
            )
        } catch {
            return .refused("\(error)")
        }
    }

    private func tpm(_ body: (borrowing TPM) throws(TPMFailure) -> ProbeAnswer) -> ProbeAnswer {
        do throws(TPMFailure) {
            let tpm = try TPM(tcti: tcti)
            return try body(tpm)
        } catch {
            return .tpmFailure(error)
        }
    }

    private func disk(_ device: String) async -> ProbeAnswer {
        let name = device.hasPrefix("/dev/") ? device.dropFirst(5) : ""
        guard !name.isEmpty,
            name.utf8.allSatisfy({ byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
            })
        else { return .refused("found \(device.prefix(40)), expected the name of a disk below /dev") }
        let time = Timestamp(milliseconds: WallClock.milliseconds())
        do {
            // A sleeping disk is not woken.
            let result = try await ChildProcess.run(
                smartctl,
                ["--json=c", "-a", "-n", "standby,3", device],
                deadline: Self.smartctlDeadline,
                limit: Smartctl.outputLimit
            )
            guard case .status(let status) = result.exit else {
                return .disk(Smartctl.silent(device: device, time: time))
            }
            return .disk(
                Smartctl.report(
                    device: device,
                    output: Array(result.output.utf8),
                    exitStatus: Int(status),
                    time: time
                )
            )
        } catch {
            return .refused("\(error)")
        }
    }
}
