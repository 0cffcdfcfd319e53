// SPDX-License-Identifier: Apache-2.0
package import Admin
package import Linux

/// Asks a link who else has an address of ours: arping(8) of iputils, which wants CAP_NET_RAW.
package struct Arping: Sendable {
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let link: LinkAddress
        package let exit: ProcessExit

        package var description: String { "arping \(link.address) on \(link.interface): \(exit)" }
    }

    private static let program = "/usr/bin/arping"
    private static let deadline: Duration = .seconds(6)

    package init() {}

    /// Two ARP probes a second apart, whose sender address is zero: nobody's cache changes (RFC 5227 2.1.1).
    ///
    /// - Returns: who answered; nil where nobody did in two seconds.
    package func conflict(on link: LinkAddress) async throws -> AddressConflict? {
        let result = try await ChildProcess.run(
            Self.program,
            ["-D", "-c", "2", "-w", "2", "-I", link.interface, link.address],
            deadline: Self.deadline
        )
        if result.exit == .status(0) { return nil }
        // It also ends with 1 where the link is down.
        guard let owner = Self.owner(in: result.output) else { throw Failure(link: link, exit: result.exit) }
        return AddressConflict(link: link, hardwareAddress: owner)
    }

    /// The hardware address in `Unicast reply from 10.10.0.5 [02:00:5E:10:00:01]  0.6ms`, in lower case.
    static func owner(in output: String) -> String? {
        for line in output.split(separator: "\n") where line.contains(" reply from ") {
            guard let start = line.firstIndex(of: "["), let end = line[start...].firstIndex(of: "]") else {
                continue
            }
            let text = line[line.index(after: start)..<end].lowercased()
            let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
            if pairs.count == 6, pairs.allSatisfy({ $0.utf8.count == 2 && UInt8($0, radix: 16) != nil }) {
                return text
            }
        }
        return nil
    }
}
