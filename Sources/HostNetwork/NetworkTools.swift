// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Linux

/// The programs that the kernel's and networkd's doors are opened with.
package struct NetworkTools: Sendable {
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let command: String
        package let reason: String

        package var description: String { "\(command): \(reason)" }
    }

    private static let deadline: Duration = .seconds(15)

    /// As units that root has written, where systemd runs us as a user without capabilities; else directly.
    private let usesUnits: Bool

    package init(usesUnits: Bool) {
        self.usesUnits = usesUnits
    }

    func reloadNetworkd() async throws(Failure) {
        try await run("/usr/bin/networkctl", ["reload"])
    }

    /// Loads the rules in the file that `drimbox-firewall.service` names.
    func loadFirewall(_ file: String) async throws(Failure) {
        if usesUnits {
            try await run("/usr/bin/systemctl", ["start", "drimbox-firewall.service"])
        } else {
            try await run("/usr/sbin/nft", ["-f", file])
        }
    }

    /// A device that networkd made stays until somebody takes it away.
    func deleteLink(_ name: String) async throws(Failure) {
        if usesUnits {
            try await run("/usr/bin/systemctl", ["start", "drimbox-link-delete@\(name).service"])
        } else {
            try await run("/usr/sbin/ip", ["link", "delete", "dev", name])
        }
    }

    /// Begins IEEE 802.1X on a port anew, or ends it where there is no `file`.
    func authenticate(_ port: String, with file: String?, control: String) async throws(Failure) {
        if usesUnits {
            let unit = "drimbox-8021x@\(port).service"
            try await run("/usr/bin/systemctl", ["stop", unit])
            if file != nil { try await run("/usr/bin/systemctl", ["start", "--no-block", unit]) }
        } else {
            // One that runs reads its file again, or ends.
            let order = file == nil ? "terminate" : "reconfigure"
            let isRunning = (try? await run(Self.controller, ["-p", control, "-i", port, order])) != nil
            guard let file, !isRunning else { return }
            try await run("/usr/sbin/wpa_supplicant", ["-B", "-Dwired", "-i\(port)", "-c\(file)"])
        }
    }

    private static let controller = "/usr/sbin/wpa_cli"

    /// Lines of `name=value`. The answer comes to a socket beside the one that is asked: /tmp is each unit's own.
    func portStatus(_ port: String, control: String) async throws(Failure) -> String {
        try await run(Self.controller, ["-p", control, "-s", control, "-i", port, "status"])
    }

    func addresses() async throws(Failure) -> [LinkStatus] {
        try await decode("/usr/sbin/ip", ["-json", "address", "show"])
    }

    func neighbours(to address: String) async throws(Failure) -> [Neighbour] {
        try await decode("/usr/sbin/ip", ["-json", "neighbour", "show", "to", address])
    }

    /// Gives a link what its files say, and takes away what networkd does not know as its own.
    func reconfigure(_ link: String) async throws(Failure) {
        try await run("/usr/bin/networkctl", ["reconfigure", link])
    }

    func routes() async throws(Failure) -> [RouteStatus] {
        try await decode("/usr/sbin/ip", ["-json", "route", "show"])
    }

    /// What networkd thinks of each link, by name.
    func setupStates() async throws(Failure) -> [String: String] {
        struct Answer: Decodable {
            struct Link: Decodable {
                let Name: String
                let AdministrativeState: String?
            }

            let Interfaces: [Link]
        }
        let answer: Answer = try await decode("/usr/bin/networkctl", ["list", "--json=short"])
        return Dictionary(answer.Interfaces.map { ($0.Name, $0.AdministrativeState ?? "unknown") }) { $1 }
    }

    private func decode<Value: Decodable>(_ program: String, _ arguments: [String]) async throws(Failure)
        -> Value
    {
        let text = try await run(program, arguments)
        do {
            return try JSONDecoder().decode(Value.self, from: Data((text.isEmpty ? "[]" : text).utf8))
        } catch {
            throw Failure(command: "\(program) \(arguments.joined(separator: " "))", reason: "\(error)")
        }
    }

    @discardableResult
    private func run(_ program: String, _ arguments: [String]) async throws(Failure) -> String {
        let command = "\(program) \(arguments.joined(separator: " "))"
        do {
            let result = try await ChildProcess.run(
                program,
                arguments,
                deadline: Self.deadline,
                limit: 4 << 20
            )
            guard result.exit == .status(0) else {
                throw Failure(command: command, reason: "\(result.exit)")
            }
            return result.output
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(command: command, reason: "\(error)")
        }
    }
}

/// A link as `ip -json address` shows it.
package struct LinkStatus: Codable, Equatable, Sendable {
    package struct Address: Codable, Equatable, Sendable {
        package let family: String
        package let local: String?
        package let prefixlen: Int
        package let scope: String?
        package let dynamic: Bool?
        /// IPv6: another host has it; the kernel keeps it and does not use it.
        package let dadfailed: Bool?
    }

    package let ifname: String
    package let flags: [String]
    package let mtu: Int
    /// Hardware address.
    package let address: String?
    package let addr_info: [Address]

    package var hasCarrier: Bool { flags.contains("LOWER_UP") }
    package var isLoopback: Bool { flags.contains("LOOPBACK") }

    /// Without those that belong to the link itself.
    package var globalAddresses: [Address] { addr_info.filter { $0.scope == "global" && $0.local != nil } }
}

package struct Neighbour: Codable, Equatable, Sendable {
    package let dst: String
    package let dev: String?
    package let lladdr: String?
    package let state: [String]?
}

package struct RouteStatus: Codable, Equatable, Sendable {
    package let dst: String
    package let gateway: String?
    package let dev: String?
}

extension LinkStatus {
    package var report: NetworkStatus.Link {
        NetworkStatus.Link(
            name: ifname,
            hasCarrier: hasCarrier,
            mtu: mtu,
            hardwareAddress: address,
            addresses: addr_info.compactMap { entry in entry.local.map { "\($0)/\(entry.prefixlen)" } }
        )
    }
}

extension RouteStatus {
    package var report: NetworkStatus.Route {
        NetworkStatus.Route(destination: dst, gateway: gateway, interface: dev)
    }
}
