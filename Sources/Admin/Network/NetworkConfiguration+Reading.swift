// SPDX-License-Identifier: Apache-2.0

extension NetworkConfiguration {
    init(reading object: ConfigurationReader) {
        var reader = object
        interfaces = reader.array("interfaces", count: 1...64).map { [reader] path, value in
            Interface(reading: ConfigurationReader(value, path: path, findings: reader.findings))
        }
        var dns = reader.optionalObject("dns")
        nameServers = dns?.texts("servers", .address) ?? []
        searchDomains = dns?.texts("domains", .host) ?? []
        dns?.finish()
        timeServers = reader.texts("ntp", .host)
        let text = reader.optionalString("proxy", .text)
        proxy = text.flatMap { ListenAddress($0) }
        if let text, proxy == nil { reader.note("proxy", found: "\"\(text)\"", expected: "\"host:port\"") }
        firewall = reader.array("firewall", count: 0...256).compactMap { [reader] path, value in
            FirewallRule(reading: ConfigurationReader(value, path: path, findings: reader.findings))
        }
        reader.finish()
    }
}

extension NetworkConfiguration.Interface {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        name = reader.string("name", .interface)
        zone = reader.optionalChoice("zone")
        mtu = reader.optionalInteger("mtu", in: 576...9216)
        kind = Self.kind(&reader)
        authentication = reader.optionalObject("authentication").map { PortAuthentication(reading: $0) }
        ipv4 = Self.ipv4(reader.optionalObject("ipv4"))
        ipv6 = Self.ipv6(reader.optionalObject("ipv6"))
        routes = reader.array("routes", count: 0...256).compactMap { [reader] path, value in
            NetworkConfiguration.Route(
                reading: ConfigurationReader(value, path: path, findings: reader.findings)
            )
        }
        reader.finish()
    }

    private static func kind(_ reader: inout ConfigurationReader) -> NetworkConfiguration.Kind {
        let vlan = reader.optionalObject("vlan")
        let bond = reader.optionalObject("bond")
        if vlan != nil, bond != nil {
            reader.note("bond", found: "an object beside vlan", expected: "one of vlan and bond")
        }
        if var vlan {
            let parent = vlan.string("parent", .interface)
            let id = vlan.integer("id", in: 1...4094)
            vlan.finish()
            return .vlan(parent: parent, id: id)
        }
        if var bond {
            let mode: NetworkConfiguration.BondMode = bond.choice(
                "mode",
                default: .activeBackup,
                or: .activeBackup
            )
            let members = bond.texts("members", .interface, count: 1...8)
            bond.finish()
            return .bond(mode: mode, members: members)
        }
        return .ethernet
    }

    private enum Method: String, CaseIterable {
        case none
        case dhcp
        case auto
        case fixed = "static"
    }

    private static func method(_ reader: inout ConfigurationReader, without excluded: Method) -> Method {
        let names = Method.allCases.filter { $0 != excluded }.map(\.rawValue)
        let rule = StringRule(expected: names.map { "\"\($0)\"" }.joined(separator: " or ")) {
            names.contains($0) ? $0 : nil
        }
        return Method(rawValue: reader.string("method", rule)) ?? .none
    }

    private static func ipv4(_ object: ConfigurationReader?) -> NetworkConfiguration.IPv4 {
        guard var reader = object else { return .none }
        let method = method(&reader, without: .auto)
        defer { reader.finish() }
        guard method == .fixed else { return method == .dhcp ? .dhcp : .none }
        let address = reader.prefix("address", .v4)
        let gateway = reader.optionalString("gateway", .address(.v4))
        return address.map { .fixed(address: $0, gateway: gateway) } ?? .none
    }

    private static func ipv6(_ object: ConfigurationReader?) -> NetworkConfiguration.IPv6 {
        guard var reader = object else { return .none }
        let method = method(&reader, without: .dhcp)
        defer { reader.finish() }
        guard method == .fixed else { return method == .auto ? .auto : .none }
        let address = reader.prefix("address", .v6)
        let gateway = reader.optionalString("gateway", .address(.v6))
        return address.map { .fixed(address: $0, gateway: gateway) } ?? .none
    }
}

extension NetworkConfiguration.Route {
    fileprivate init?(reading object: ConfigurationReader) {
        var reader = object
        let destination = reader.prefix("destination", nil)
        gateway = reader.string("gateway", .address)
        metric = reader.optionalInteger("metric", in: 1...1_000_000)
        reader.finish()
        guard let destination else { return nil }
        self.destination = destination
    }
}

extension NetworkConfiguration.FirewallRule {
    fileprivate init?(reading object: ConfigurationReader) {
        var reader = object
        zone = reader.choice("zone", default: nil, or: .care)
        let service: Service? = reader.optionalChoice("service")
        let port = reader.optionalInteger("port", in: 1...65535)
        let transport: Transport = reader.choice("protocol", default: .tcp, or: .tcp)
        from = reader.texts("from", .prefix, count: 0...256).compactMap { IPPrefix($0) }
        reader.finish()
        switch (service, port) {
        case (let service?, nil): target = .service(service)
        case (nil, let port?): target = .port(transport, port)
        case (nil, nil):
            reader.note("service", found: "nothing", expected: "service, or port")
            return nil
        case (_?, _?):
            reader.note("port", found: "a number beside service", expected: "one of service and port")
            return nil
        }
    }
}

extension ConfigurationReader {
    fileprivate mutating func texts(_ key: String, _ rule: StringRule, count: ClosedRange<Int> = 0...16)
        -> [String]
    {
        array(key, count: count).compactMap { path, value in
            guard case .string(let text) = value, let accepted = rule.accept(text) else {
                findings.note(path, found: value.evidence, expected: rule.expected)
                return nil
            }
            return accepted
        }
    }

    fileprivate mutating func prefix(_ key: String, _ family: IPAddress.Family?) -> IPPrefix? {
        let text = string(key, .prefix)
        guard let prefix = IPPrefix(text) else { return nil }
        if let family, prefix.address.family != family {
            note(key, found: "\"\(text)\"", expected: family == .v4 ? "an IPv4 address" : "an IPv6 address")
            return nil
        }
        return prefix
    }
}

extension StringRule {
    /// IFNAMSIZ is 16 with the closing NUL; no `/`, no space, and nothing that a unit file or a shell reads.
    fileprivate static let interface = StringRule(
        expected: "the name of an interface, 1 to 15 of A-Z a-z 0-9 . _ -"
    ) {
        text in
        let allowed = text.utf8.allSatisfy { character in
            switch character {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        let isName =
            allowed && (1...15).contains(text.utf8.count) && text != "." && text != ".." && text != "lo"
        return isName && !text.hasPrefix("-") ? text : nil
    }

    fileprivate static let address = StringRule(expected: "an IPv4 or IPv6 address") {
        IPAddress($0) != nil ? $0 : nil
    }

    fileprivate static func address(_ family: IPAddress.Family) -> StringRule {
        StringRule(expected: family == .v4 ? "an IPv4 address" : "an IPv6 address") {
            IPAddress($0)?.family == family ? $0 : nil
        }
    }

    fileprivate static let prefix = StringRule(expected: "an address with its prefix length, 10.10.0.5/24") {
        IPPrefix($0) != nil ? $0 : nil
    }
}
