// SPDX-License-Identifier: Apache-2.0

/// The section `network` of the box's document: all of it, nothing is merged with what a DHCP server says beyond
/// the addresses asked of it.
package struct NetworkConfiguration: Equatable, Sendable {
    package enum Zone: String, Sendable, CaseIterable {
        /// PACS, RIS, modalities.
        case care
        /// Other boxes, the national record.
        case dmz
        /// Administration of the box.
        case admin
    }

    package enum Kind: Equatable, Sendable {
        case ethernet
        case vlan(parent: String, id: Int)
        case bond(mode: BondMode, members: [String])
    }

    package enum BondMode: String, Sendable, CaseIterable {
        case activeBackup = "active-backup"
        /// LACP.
        case lacp = "802.3ad"
    }

    package enum IPv4: Equatable, Sendable {
        case none
        case dhcp
        case fixed(address: IPPrefix, gateway: String?)
    }

    package enum IPv6: Equatable, Sendable {
        case none
        /// Router advertisements, and DHCPv6 where they say so.
        case auto
        case fixed(address: IPPrefix, gateway: String?)
    }

    package struct Route: Equatable, Sendable {
        package let destination: IPPrefix
        package let gateway: String
        package let metric: Int?
    }

    package struct Interface: Equatable, Sendable {
        /// The kernel's name: of the device, or of the VLAN or bond that is made.
        package let name: String
        package let kind: Kind
        /// Absent where the interface only carries VLANs.
        package let zone: Zone?
        package let mtu: Int?
        /// Of a device only: what stands on it is behind the same port.
        package let authentication: PortAuthentication?
        package let ipv4: IPv4
        package let ipv6: IPv6
        package let routes: [Route]
    }

    package struct FirewallRule: Equatable, Sendable {
        /// What the gateway speaks; its ports are those of the section `gateway`.
        package enum Service: String, Sendable, CaseIterable {
            case dicom
            case web
            case hl7
            case consumer
        }

        package enum Transport: String, Sendable, CaseIterable {
            case tcp
            case udp
        }

        package enum Target: Equatable, Sendable {
            case service(Service)
            case port(Transport, Int)
        }

        package let zone: Zone
        package let target: Target
        /// Who may; everybody in the zone where it is empty.
        package let from: [IPPrefix]
    }

    package let interfaces: [Interface]
    package let nameServers: [String]
    package let searchDomains: [String]
    package let timeServers: [String]
    /// For the connections that leave the hospital.
    package let proxy: ListenAddress?
    /// What may come in; all else is dropped.
    package let firewall: [FirewallRule]

    package func interface(named name: String) -> Interface? {
        interfaces.first { $0.name == name }
    }

    /// Devices that must be there: Ethernet interfaces and members of bonds.
    package var devices: Set<String> {
        var names: Set<String> = []
        for interface in interfaces {
            switch interface.kind {
            case .ethernet: names.insert(interface.name)
            case .vlan: break
            case .bond(_, let members): names.formUnion(members)
            }
        }
        return names
    }
}

extension NetworkConfiguration.Interface {
    /// What is written down in the document, not what a server gave.
    package var fixedAddresses: [IPPrefix] {
        var addresses: [IPPrefix] = []
        if case .fixed(let address, _) = ipv4 { addresses.append(address) }
        if case .fixed(let address, _) = ipv6 { addresses.append(address) }
        return addresses
    }

    package var gateways: [String] {
        var gateways: [String] = []
        if case .fixed(_, let gateway?) = ipv4 { gateways.append(gateway) }
        if case .fixed(_, let gateway?) = ipv6 { gateways.append(gateway) }
        return gateways
    }

    package var asksForAddress: Bool { ipv4 == .dhcp || ipv6 == .auto }
}
