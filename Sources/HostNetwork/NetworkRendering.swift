// SPDX-License-Identifier: Apache-2.0
package import Admin

/// The files that make a network configuration real: systemd.network(5), systemd.netdev(5), nft(8),
/// resolv.conf(5), and chrony's sources.
package struct NetworkRendering: Equatable, Sendable {
    private static let mark = "10-drimbox-"
    /// For interfaces that nobody configured: up and without addresses, so that a cable in the wrong one is seen.
    private static let others = "90-drimbox-others.network"

    /// For systemd-networkd, by name. Every name begins with the mark of our files.
    package let networkd: [String: String]
    /// For `nft -f`: replaces our table in one step.
    package let firewall: String
    package let resolver: String
    package let timeSources: String
    /// wpa_supplicant.conf(5) without its control directory, by the port's name.
    package let ports: [String: String]

    package init(_ box: BoxConfiguration) {
        guard let network = box.network else {
            (networkd, firewall, resolver, timeSources, ports) = ([:], Self.noFirewall, "", "", [:])
            return
        }
        var files: [String: String] = [:]
        for interface in network.interfaces {
            files[Self.fileName(interface.name, "network")] = Self.network(interface, of: network)
            if let netdev = Self.netdev(interface) { files[Self.fileName(interface.name, "netdev")] = netdev }
            guard case .bond(_, let members) = interface.kind else { continue }
            for member in members {
                files[Self.fileName(member, "network")] = Self.sections([
                    ("Match", ["Name=\(member)"]), ("Network", ["Bond=\(interface.name)"]),
                ])
            }
        }
        files[Self.others] = Self.otherInterfaces
        networkd = files
        firewall = Self.firewall(network, box)
        let search =
            network.searchDomains.isEmpty ? "" : "search \(network.searchDomains.joined(separator: " "))\n"
        resolver = search + network.nameServers.map { "nameserver \($0)\n" }.joined()
        ports = Dictionary(
            network.interfaces.compactMap { interface in
                interface.authentication.map { (interface.name, PortAuthenticator.configuration($0)) }
            }
        ) { $1 }
        timeSources = network.timeServers.map { "server \($0) iburst\n" }.joined()
    }

    private static var otherInterfaces: String {
        sections([
            ("Match", ["Type=ether"]), ("Link", ["RequiredForOnline=no"]),
            ("Network", ["LinkLocalAddressing=no", "IPv6AcceptRA=no"]),
        ])
    }

    private init(networkd: [String: String]) {
        self.networkd = networkd
        (firewall, resolver, timeSources, ports) = (Self.noFirewall, "", "", [:])
    }

    /// Of an appliance that nobody has configured: its interfaces are up, so that the wizard sees the cables.
    package static var factory: NetworkRendering {
        NetworkRendering(networkd: [others: otherInterfaces])
    }

    static func fileName(_ interface: String, _ kind: String) -> String { "\(mark)\(interface).\(kind)" }

    /// Whether a file of the directory is one of ours.
    static func isOurs(_ name: String) -> Bool {
        name == others || name.hasPrefix(mark) && (name.hasSuffix(".network") || name.hasSuffix(".netdev"))
    }

    /// The interface that a file of ours is about.
    static func interface(ofFile name: String) -> String {
        name.dropFirst(mark.count).split(separator: ".").dropLast().joined(separator: ".")
    }

    // MARK: systemd-networkd

    private static func sections(_ sections: [(name: String, lines: [String])]) -> String {
        sections.filter { !$0.lines.isEmpty }
            .map { "[\($0.name)]\n" + $0.lines.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private static func netdev(_ interface: NetworkConfiguration.Interface) -> String? {
        switch interface.kind {
        case .ethernet: nil
        case .vlan(_, let id):
            sections([("NetDev", ["Name=\(interface.name)", "Kind=vlan"]), ("VLAN", ["Id=\(id)"])])
        case .bond(let mode, _):
            sections([
                ("NetDev", ["Name=\(interface.name)", "Kind=bond"]),
                (
                    "Bond",
                    ["Mode=\(mode.rawValue)", "MIIMonitorSec=100ms"]
                        + (mode == .lacp ? ["LACPTransmitRate=fast"] : [])
                ),
            ])
        }
    }

    private static func network(
        _ interface: NetworkConfiguration.Interface,
        of network: NetworkConfiguration
    ) -> String {
        var lines = interface.fixedAddresses.map { "Address=\($0)" }
        lines += interface.gateways.map { "Gateway=\($0)" }
        if interface.ipv4 == .dhcp { lines.append("DHCP=ipv4") }
        lines.append("LinkLocalAddressing=\(interface.ipv6 == .none ? "no" : "ipv6")")
        lines.append("IPv6AcceptRA=\(interface.ipv6 == .auto ? "yes" : "no")")
        if interface.zone != nil {
            lines += network.nameServers.map { "DNS=\($0)" }
            if !network.searchDomains.isEmpty {
                lines.append("Domains=\(network.searchDomains.joined(separator: " "))")
            }
        }
        for other in network.interfaces {
            if case .vlan(interface.name, _) = other.kind { lines.append("VLAN=\(other.name)") }
        }
        var parts: [(String, [String])] = [
            ("Match", ["Name=\(interface.name)"]),
            ("Link", interface.mtu.map { ["MTUBytes=\($0)"] } ?? []),
            ("Network", lines),
        ]
        if interface.ipv4 == .dhcp {
            let usesNames = network.nameServers.isEmpty ? "yes" : "no"
            parts.append(
                ("DHCPv4", ["UseDNS=\(usesNames)", "UseNTP=no", "UseHostname=no", "UseDomains=no"])
            )
        }
        for route in interface.routes {
            var lines = ["Destination=\(route.destination)", "Gateway=\(route.gateway)"]
            if let metric = route.metric { lines.append("Metric=\(metric)") }
            parts.append(("Route", lines))
        }
        return sections(parts)
    }

    // MARK: nftables

    /// A table that is added first can be deleted whether it was there or not.
    private static let noFirewall = "table inet drimbox\ndelete table inet drimbox\n"

    private static func firewall(_ network: NetworkConfiguration, _ box: BoxConfiguration) -> String {
        let rules = network.firewall.flatMap { rule -> [String] in
            let names = network.interfaces.filter { $0.zone == rule.zone }.map { "\"\($0.name)\"" }
            let (transport, ports) =
                switch rule.target {
                case .service(let service): ("tcp", box.ports(of: service))
                case .port(let transport, let port): (transport.rawValue, [port])
                }
            guard !names.isEmpty, !ports.isEmpty else { return [] }
            let what = "\(transport) dport { \(ports.map(String.init).joined(separator: ", ")) }"
            let zone = "iifname { \(names.joined(separator: ", ")) }"
            let sources = [IPAddress.Family.v4, .v6].compactMap { family -> String? in
                let list = rule.from.filter { $0.address.family == family }.map(\.description)
                guard !list.isEmpty else { return nil }
                return "\(family == .v4 ? "ip" : "ip6") saddr { \(list.joined(separator: ", ")) } "
            }
            return (rule.from.isEmpty ? [""] : sources).map { "\(zone) \($0)\(what) accept" }
        }
        let standing = [
            "iif \"lo\" accept",
            "ct state established,related accept",
            "ct state invalid drop",
            // Path MTU discovery, neighbour discovery, echo.
            "meta l4proto { icmp, ipv6-icmp } accept",
            // DHCPv6 answers come from the server's link-local address (RFC 8415 7.2).
            "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
        ]
        let lines = (standing + rules).map { "    \($0)\n" }.joined()
        return noFirewall + """
            table inet drimbox {
              chain input {
                type filter hook input priority filter; policy drop;
            \(lines)  }
              chain forward {
                type filter hook forward priority filter; policy drop;
              }
            }

            """
    }
}
