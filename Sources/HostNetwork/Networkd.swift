// SPDX-License-Identifier: Apache-2.0
package import Admin
import Glibc
package import Linux

/// Puts a network configuration in force through systemd-networkd. What it writes lies on a file system that is
/// empty after a boot, so that nothing which was not confirmed survives one.
package struct Networkd: Sendable {
    package struct Change: Equatable, Sendable {
        /// Names of the files that were written or taken away.
        package var files: [String] = []
        package var isFirewallNew = false
        /// Whose IEEE 802.1X is another one, or none any more.
        package var ports: [String] = []

        package var isEmpty: Bool { files.isEmpty && !isFirewallNew && ports.isEmpty }
    }

    /// Why a link is not as the configuration wants it.
    package struct Finding: Equatable, Sendable {
        package let interface: String
        package let found: String
        package let expected: String
        /// Time, or somebody with a cable, can mend it: no carrier, no lease.
        package let isPending: Bool
    }

    private let directory: String
    private let ownDirectory: String
    private let tools: NetworkTools

    /// `directory`: networkd's. `ownDirectory`: for the rules of the firewall and what other programs read.
    package init(directory: String, ownDirectory: String, tools: NetworkTools) {
        self.directory = directory
        self.ownDirectory = ownDirectory
        self.tools = tools
    }

    private var firewallFile: String { ownDirectory + "/firewall.nft" }
    private var portDirectory: String { ownDirectory + "/8021x" }

    private func portFile(_ port: String) -> String {
        "\(ownDirectory)/\(PortAuthenticator.fileName(port))"
    }

    // MARK: Files

    /// Writes what differs and nothing else: networkd gives a link whose file was only touched its addresses anew.
    package func install(_ rendering: NetworkRendering) throws(SystemCallError) -> Change {
        try Directory.create(ownDirectory, mode: 0o755)
        if !rendering.networkd.isEmpty { try Directory.create(directory, mode: 0o755) }
        var change = Change()
        let present = FileStamp(directory) == nil ? [] : try Directory.names(in: directory)
        for name in present where NetworkRendering.isOurs(name) && rendering.networkd[name] == nil {
            try Directory.remove(file: "\(directory)/\(name)")
            change.files.append(name)
        }
        for (name, text) in rendering.networkd.sorted(by: { $0.key < $1.key })
        where try write(text, to: "\(directory)/\(name)") {
            change.files.append(name)
        }
        _ = try write(rendering.resolver, to: ownDirectory + "/resolv.conf")
        _ = try write(rendering.timeSources, to: ownDirectory + "/chrony.sources")
        // Where the network was never ours, neither is the firewall.
        if !rendering.networkd.isEmpty || FileStamp(firewallFile) != nil {
            change.isFirewallNew = try write(rendering.firewall, to: firewallFile)
        }
        for name in try Directory.names(in: ownDirectory) {
            guard let port = PortAuthenticator.port(ofFile: name), rendering.ports[port] == nil else {
                continue
            }
            try Directory.remove(file: "\(ownDirectory)/\(name)")
            change.ports.append(port)
        }
        for (port, text) in rendering.ports.sorted(by: { $0.key < $1.key })
        where try write("ctrl_interface=\(portDirectory)\n" + text, to: portFile(port)) {
            change.ports.append(port)
        }
        return change
    }

    private func write(_ text: String, to path: String) throws(SystemCallError) -> Bool {
        let bytes = Array(text.utf8)
        if let old = try? readFile(path, limit: 1 << 20), old == bytes { return false }
        try replaceFile(path, with: bytes, mode: 0o644)
        return true
    }

    // MARK: Applying

    /// Brings `rendering` in force; links whose files are the same see nothing of it. The firewall closes before
    /// the links change, and opens after.
    /// `isForced`: the kernel and networkd may not have what the files say, after a crash between two steps.
    @discardableResult
    package func apply(_ rendering: NetworkRendering, isForced: Bool = false) async throws -> Change {
        let change = try install(rendering)
        if change.isEmpty, !isForced { return change }
        if change.isFirewallNew || isForced { try await tools.loadFirewall(firewallFile) }
        for name in change.files where name.hasSuffix(".netdev") {
            // Networkd does not change a device that is there. It may not be there yet.
            let interface = NetworkRendering.interface(ofFile: name)
            if try await tools.addresses().contains(where: { $0.ifname == interface }) {
                try await tools.deleteLink(interface)
            }
        }
        if !change.files.isEmpty || isForced { try await tools.reloadNetworkd() }
        for port in isForced ? Set(change.ports).union(rendering.ports.keys).sorted() : change.ports {
            try await tools.authenticate(
                port,
                with: rendering.ports[port] == nil ? nil : portFile(port),
                control: portDirectory
            )
        }
        return change
    }

    package func loadFirewall() async throws {
        try await tools.loadFirewall(firewallFile)
    }

    // MARK: Verifying

    /// What differs from `network` now.
    package func findings(_ network: NetworkConfiguration) async throws -> [Finding] {
        let links = try await tools.addresses()
        let states = try await tools.setupStates()
        return network.interfaces.flatMap { interface -> [Finding] in
            func finding(_ found: String, _ expected: String, isPending: Bool = false) -> Finding {
                Finding(interface: interface.name, found: found, expected: expected, isPending: isPending)
            }
            guard let link = links.first(where: { $0.ifname == interface.name }) else {
                return [finding("no such interface", "an interface")]
            }
            if !link.hasCarrier { return [finding("no cable", "a cable", isPending: true)] }
            var list: [Finding] = []
            if let mtu = interface.mtu, link.mtu != mtu {
                list.append(finding("MTU \(link.mtu)", "MTU \(mtu)"))
            }
            list += link.globalAddresses.filter { $0.dadfailed == true }.map { entry in
                let address = entry.local ?? "?"
                return finding("\(address), which another device has too", "\(address) for us alone")
            }
            list += Self.compare(link, interface).map { finding($0.found, $0.expected) }
            if interface.ipv4 == .dhcp,
                !link.globalAddresses.contains(where: { $0.dynamic == true && $0.family == "inet" })
            {
                list.append(finding("no DHCP answer", "a lease", isPending: true))
            } else if list.isEmpty, !interface.asksForAddress, states[interface.name] != "configured" {
                list.append(finding("networkd says \(states[interface.name] ?? "nothing")", "configured"))
            }
            return list
        }
    }

    private static func compare(
        _ link: LinkStatus,
        _ interface: NetworkConfiguration.Interface
    ) -> [(found: String, expected: String)] {
        let expected = Set(interface.fixedAddresses)
        let fixed = link.globalAddresses.filter { $0.dynamic != true }
        let found = Set(
            fixed.compactMap { address in
                address.local.flatMap { IPPrefix("\($0)/\(address.prefixlen)") }
            }
        )
        return expected.subtracting(found).map { ("no address \($0)", "\($0)") }
            + found.subtracting(expected).map { ("the address \($0)", "none such") }
    }

    /// Waits until nothing but what only time can mend differs; returns what does after `deadline`.
    package func verify(_ network: NetworkConfiguration, deadline: Duration) async throws -> [Finding] {
        let end = ContinuousClock.now + deadline
        while true {
            let findings = try await findings(network)
            if findings.allSatisfy(\.isPending) || ContinuousClock.now >= end { return findings }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Waits likewise, and has the links that are wrong configured anew: an address from before networkd started
    /// is none of its own.
    package func settle(_ network: NetworkConfiguration) async throws -> [Finding] {
        let first = try await verify(network, deadline: .seconds(3))
        let wrong = Set(first.filter { !$0.isPending }.map(\.interface))
        if wrong.isEmpty { return first }
        var failure: NetworkTools.Failure?
        for name in wrong.sorted() {
            do throws(NetworkTools.Failure) { try await tools.reconfigure(name) } catch { failure = error }
        }
        let second = try await verify(network, deadline: .seconds(7))
        // Why it is still wrong.
        if let failure, !second.allSatisfy(\.isPending) { throw failure }
        return second
    }

    // MARK: Looking

    /// Those with IEEE 802.1X whose switch has let the box in.
    func authorizedPorts(_ network: NetworkConfiguration) async -> Set<String> {
        var ports: Set<String> = []
        for interface in network.interfaces where interface.authentication != nil {
            guard let status = try? await tools.portStatus(interface.name, control: portDirectory) else {
                continue
            }
            if PortAuthenticator.isAuthorized(status) { ports.insert(interface.name) }
        }
        return ports
    }

    package func links() async throws -> [LinkStatus] { try await tools.addresses() }
    package func routes() async throws -> [RouteStatus] { try await tools.routes() }
    package func neighbours(to address: String) async throws -> [Neighbour] {
        try await tools.neighbours(to: address)
    }
}
