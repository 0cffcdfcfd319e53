// SPDX-License-Identifier: Apache-2.0

extension NetworkConfiguration {
    var json: JSONValue {
        .object([
            "interfaces": .array(interfaces.map(\.json)),
            "dns": .object(["servers": strings(nameServers), "domains": strings(searchDomains)]),
            "ntp": strings(timeServers),
            "proxy": proxy.map { .string($0.description) } ?? .null,
            "firewall": .array(firewall.map(\.json)),
        ])
    }
}

extension NetworkConfiguration.Interface {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name),
            "zone": zone.map { .string($0.rawValue) } ?? .null,
            "mtu": mtu.map(JSONValue.integer) ?? .null,
            "routes": .array(routes.map(\.json)),
            "authentication": authentication?.json ?? .null,
        ]
        switch kind {
        case .ethernet: break
        case .vlan(let parent, let id):
            members["vlan"] = .object(["parent": .string(parent), "id": .integer(id)])
        case .bond(let mode, let list):
            members["bond"] = .object(["mode": .string(mode.rawValue), "members": strings(list)])
        }
        switch ipv4 {
        case .none: members["ipv4"] = .object(["method": .string("none")])
        case .dhcp: members["ipv4"] = .object(["method": .string("dhcp")])
        case .fixed(let address, let gateway): members["ipv4"] = fixed(address, gateway)
        }
        switch ipv6 {
        case .none: members["ipv6"] = .object(["method": .string("none")])
        case .auto: members["ipv6"] = .object(["method": .string("auto")])
        case .fixed(let address, let gateway): members["ipv6"] = fixed(address, gateway)
        }
        return .object(members)
    }

    private func fixed(_ address: IPPrefix, _ gateway: String?) -> JSONValue {
        .object([
            "method": .string("static"), "address": .string(address.description),
            "gateway": gateway.map(JSONValue.string) ?? .null,
        ])
    }
}

extension NetworkConfiguration.Route {
    fileprivate var json: JSONValue {
        .object([
            "destination": .string(destination.description), "gateway": .string(gateway),
            "metric": metric.map(JSONValue.integer) ?? .null,
        ])
    }
}

extension NetworkConfiguration.FirewallRule {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "zone": .string(zone.rawValue), "from": strings(from.map(\.description)),
        ]
        switch target {
        case .service(let service): members["service"] = .string(service.rawValue)
        case .port(let transport, let port):
            members["protocol"] = .string(transport.rawValue)
            members["port"] = .integer(port)
        }
        return .object(members)
    }
}

private func strings(_ list: [String]) -> JSONValue {
    .array(list.map(JSONValue.string))
}
