// SPDX-License-Identifier: Apache-2.0

// What single values cannot tell: the section as a whole.
extension NetworkConfiguration {
    func check(_ path: String, _ findings: ConfigurationReader.Findings) {
        checkNames(path, findings)
        checkAddresses(path, findings)
        checkRoutes(path, findings)
        checkFirewall(path, findings)
    }

    private func checkNames(_ path: String, _ findings: ConfigurationReader.Findings) {
        var names: Set<String> = []
        var vlans: Set<String> = []
        var members: [String: String] = [:]
        for (index, interface) in interfaces.enumerated() {
            let path = "\(path).interfaces[\(index)]"
            if !interface.name.isEmpty, !names.insert(interface.name).inserted {
                findings.note(
                    "\(path).name",
                    found: "\"\(interface.name)\" again",
                    expected: "each name once",
                    code: "net.name.duplicate"
                )
            }
            if interface.authentication != nil, interface.kind != .ethernet {
                findings.note(
                    "\(path).authentication",
                    found: "an object beside vlan or bond",
                    expected: "none: the device below has the port",
                    code: "net.authentication.kind"
                )
            }
            switch interface.kind {
            case .ethernet: break
            case .vlan(let parent, let id):
                if !vlans.insert("\(parent).\(id)").inserted {
                    findings.note(
                        "\(path).vlan.id",
                        found: "\(id) on \(parent) again",
                        expected: "each VLAN once",
                        code: "net.vlan.duplicate"
                    )
                }
                checkParent(parent, of: interface, "\(path).vlan.parent", findings)
            case .bond(_, let list):
                for (position, member) in list.enumerated() {
                    if let other = members.updateValue(interface.name, forKey: member) {
                        findings.note(
                            "\(path).bond.members[\(position)]",
                            found: "\"\(member)\", a member of \(other)",
                            expected: "a device of one bond only",
                            code: "net.bond.member"
                        )
                    }
                }
            }
        }
        for (index, interface) in interfaces.enumerated() {
            guard let bond = members[interface.name] else { continue }
            findings.note(
                "\(path).interfaces[\(index)].name",
                found: "\"\(interface.name)\", a member of \(bond)",
                expected: "a device that is in no bond",
                code: "net.bond.member"
            )
        }
    }

    private func checkParent(
        _ parent: String,
        of interface: Interface,
        _ path: String,
        _ findings: ConfigurationReader.Findings
    ) {
        guard let other = self.interface(named: parent) else {
            findings.note(
                path,
                found: "\"\(parent)\"",
                expected: "the name of another interface of this list",
                code: "net.vlan.parent"
            )
            return
        }
        if case .vlan = other.kind {
            findings.note(
                path,
                found: "\"\(parent)\", a VLAN",
                expected: "an Ethernet interface or a bond",
                code: "net.vlan.parent"
            )
        }
        if let mtu = interface.mtu, mtu > other.mtu ?? 1500 {
            findings.note(
                path,
                found: "an MTU of \(other.mtu ?? 1500)",
                expected: "at least the VLAN's, \(mtu)",
                code: "net.mtu"
            )
        }
    }

    private func checkAddresses(_ path: String, _ findings: ConfigurationReader.Findings) {
        var seen: [(prefix: IPPrefix, name: String)] = []
        var defaults: [IPAddress.Family: String] = [:]
        for (index, interface) in interfaces.enumerated() {
            let path = "\(path).interfaces[\(index)]"
            if interface.zone == nil, interface.ipv4 != .none || interface.ipv6 != .none {
                let names = Zone.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
                findings.note("\(path).zone", found: "nothing", expected: names, code: "net.zone")
            }
            for address in interface.fixedAddresses {
                let path = "\(path).\(address.address.family == .v4 ? "ipv4" : "ipv6")"
                checkHost(address, path, findings)
                for other in seen where other.prefix.overlaps(address) {
                    findings.note(
                        "\(path).address",
                        found: "\(address), in the network of \(other.name)",
                        expected: "a network of its own",
                        code: "net.address.overlap"
                    )
                }
                seen.append((address, interface.name))
            }
            for gateway in interface.gateways {
                guard let address = IPAddress(gateway) else { continue }
                let family = address.family
                let path = "\(path).\(family == .v4 ? "ipv4" : "ipv6").gateway"
                if let other = defaults.updateValue(interface.name, forKey: family) {
                    findings.note(
                        path,
                        found: "\(gateway), beside the one of \(other)",
                        expected: "one default gateway; routes for the others",
                        code: "net.gateway.several"
                    )
                }
                checkGateway(address, gateway, of: interface, path, findings)
            }
        }
    }

    private func checkHost(_ prefix: IPPrefix, _ path: String, _ findings: ConfigurationReader.Findings) {
        let address = prefix.address
        let isOther =
            address.isLoopback || address.isMulticast || address.isUnspecified || !prefix.isHostAddress
        guard isOther || prefix.length == 0 else { return }
        findings.note(
            "\(path).address",
            found: "\(prefix)",
            expected: "the address of a host in its network",
            code: "net.address"
        )
    }

    /// A link-local gateway needs no network of its own (RFC 4861 8).
    private func checkGateway(
        _ address: IPAddress,
        _ text: String,
        of interface: Interface,
        _ path: String,
        _ findings: ConfigurationReader.Findings
    ) {
        if address.family == .v6, address.isLinkLocal { return }
        let networks = interface.fixedAddresses.filter { $0.address.family == address.family }
        guard let network = networks.first else { return }
        if !network.contains(address) {
            findings.note(
                path,
                found: text,
                expected: "an address in the network of \(network)",
                code: "net.gateway.outside"
            )
        } else if network.address == address {
            findings.note(
                path,
                found: "\(text), the box's own address",
                expected: "another host",
                code: "net.gateway"
            )
        }
    }

    private func checkRoutes(_ path: String, _ findings: ConfigurationReader.Findings) {
        for (index, interface) in interfaces.enumerated() {
            for (position, route) in interface.routes.enumerated() {
                let path = "\(path).interfaces[\(index)].routes[\(position)]"
                if !route.destination.isNetwork {
                    findings.note(
                        "\(path).destination",
                        found: "\(route.destination), which has bits beyond its prefix",
                        expected: "the address of a network",
                        code: "net.route.destination"
                    )
                }
                guard let gateway = IPAddress(route.gateway) else { continue }
                if gateway.family != route.destination.address.family {
                    findings.note(
                        "\(path).gateway",
                        found: route.gateway,
                        expected: "an address of the destination's family",
                        code: "net.route.gateway"
                    )
                } else if !interface.asksForAddress {
                    checkGateway(gateway, route.gateway, of: interface, "\(path).gateway", findings)
                }
            }
        }
    }

    private func checkFirewall(_ path: String, _ findings: ConfigurationReader.Findings) {
        let zones = Set(interfaces.compactMap(\.zone))
        for (index, rule) in firewall.enumerated() where !zones.contains(rule.zone) {
            findings.note(
                "\(path).firewall[\(index)].zone",
                found: "\"\(rule.zone.rawValue)\", which no interface has",
                expected: zones.map { "\"\($0.rawValue)\"" }.sorted().joined(separator: " or "),
                code: "net.zone"
            )
        }
    }
}
