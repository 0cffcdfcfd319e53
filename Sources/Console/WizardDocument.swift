// SPDX-License-Identifier: Apache-2.0
import Admin

/// A document with the answers of the wizard written over it; what it does not ask for stays.
struct WizardDocument {
    private let answers: WizardAnswers
    private(set) var json: JSONValue

    init(_ answers: WizardAnswers, over base: JSONValue) {
        self.answers = answers
        json = base
        if let site = answers.site { set("site", .string(site)) }
        let last = WizardAnswers(base)
        placeNetwork()
        placeArchive(last)
        placeListen(last)
    }

    private mutating func set(_ path: String, _ value: JSONValue) {
        json = json.setting(path, to: value) ?? json
    }

    // MARK: Network

    private mutating func placeNetwork() {
        var interfaces = Self.objects(json[path: "network.interfaces"])
        if let name = answers.care.interface { Self.place(.care, name, answers.care, &interfaces) }
        if answers.hasDMZ == true, let name = answers.dmz.interface {
            Self.place(.dmz, name, answers.dmz, &interfaces)
        } else if answers.hasDMZ == false {
            interfaces.removeAll { $0["zone"] == .string(NetworkConfiguration.Zone.dmz.rawValue) }
        }
        guard !interfaces.isEmpty else { return }
        set("network.interfaces", .array(interfaces.map(JSONValue.object)))
        if let servers = answers.nameServers {
            set("network.dns.servers", .array(servers.map(JSONValue.string)))
        }
        if let servers = answers.timeServers { set("network.ntp", .array(servers.map(JSONValue.string))) }
        placeFirewall(zones: interfaces.compactMap { $0["zone"] })
    }

    private static func objects(_ value: JSONValue?) -> [[String: JSONValue]] {
        guard case .array(let list)? = value else { return [] }
        return list.compactMap { if case .object(let members) = $0 { members } else { nil } }
    }

    private static func place(
        _ zone: NetworkConfiguration.Zone,
        _ name: String,
        _ answers: WizardAnswers.ZoneAnswers,
        _ interfaces: inout [[String: JSONValue]]
    ) {
        let zoneName = JSONValue.string(zone.rawValue)
        let old = interfaces.firstIndex { $0["zone"] == zoneName }
        var entry = old.map { interfaces[$0] } ?? [:]
        if entry["name"] != .string(name) {
            // Another device: what made the old one a VLAN or a bond is not its.
            if let old { interfaces.remove(at: old) }
            if let same = interfaces.firstIndex(where: { $0["name"] == .string(name) }) {
                entry = interfaces.remove(at: same)
            } else {
                entry["vlan"] = nil
                entry["bond"] = nil
            }
            entry["name"] = .string(name)
            entry["zone"] = zoneName
            interfaces.insert(entry, at: min(old ?? interfaces.count, interfaces.count))
        }
        guard let index = interfaces.firstIndex(where: { $0["name"] == .string(name) }) else { return }
        address(answers, &entry)
        interfaces[index] = entry
    }

    private static func address(
        _ answers: WizardAnswers.ZoneAnswers,
        _ entry: inout [String: JSONValue]
    ) {
        let none = JSONValue.object(["method": .string("none")])
        switch answers.method {
        case nil: break
        case .dhcp: entry["ipv4"] = .object(["method": .string("dhcp")])
        case .fixed(let prefix):
            let gateway = answers.gateway.flatMap { $0.isEmpty ? nil : JSONValue.string($0) } ?? .null
            let fixed = JSONValue.object([
                "method": .string("static"), "address": .string(prefix.description), "gateway": gateway,
            ])
            if prefix.address.family == .v4 {
                entry["ipv4"] = fixed
            } else {
                entry["ipv6"] = fixed
                entry["ipv4"] = none
            }
            // A way through the old network leads nowhere.
            guard case .array(let routes)? = entry["routes"] else { return }
            entry["routes"] = .array(
                routes.filter { route in
                    guard case .string(let text)? = route[path: "gateway"], let hop = IPAddress(text) else {
                        return false
                    }
                    return hop.family != prefix.address.family || prefix.contains(hop)
                }
            )
        }
    }

    private mutating func placeFirewall(zones: [JSONValue]) {
        let care = JSONValue.string(NetworkConfiguration.Zone.care.rawValue)
        let dicom = JSONValue.string(NetworkConfiguration.FirewallRule.Service.dicom.rawValue)
        var rules = Self.objects(json[path: "network.firewall"]).filter { rule in
            rule["zone"].map(zones.contains) ?? false
        }
        if zones.contains(care), !rules.contains(where: { $0["zone"] == care && $0["service"] == dicom }) {
            rules.append(["zone": care, "service": dicom])
        }
        set("network.firewall", .array(rules.map(JSONValue.object)))
    }

    // MARK: Gateway

    private mutating func placeArchive(_ last: WizardAnswers) {
        guard let archive = answers.archive, let archive else { return }
        var peers = Self.objects(json[path: "gateway.dicom.peers"])
        // The one of that name; else the one that was the archive so far.
        let former = last.archive.flatMap { $0?.aeTitle } ?? archive.aeTitle
        let index =
            peers.firstIndex { $0["aeTitle"] == .string(archive.aeTitle) }
            ?? peers.firstIndex { $0["aeTitle"] == .string(former) }
        var peer = index.map { peers[$0] } ?? [:]
        let roles = WizardAnswers.strings(peer["roles"])
        peer["aeTitle"] = .string(archive.aeTitle)
        peer["host"] = .string(archive.host)
        peer["port"] = .integer(archive.port)
        let missing = ["store", "find", "move"].filter { !roles.contains($0) }
        peer["roles"] = .array((roles + missing).map(JSONValue.string))
        if let index { peers[index] = peer } else { peers.append(peer) }
        set("gateway.dicom.peers", .array(peers.map(JSONValue.object)))
    }

    private mutating func placeListen(_ last: WizardAnswers) {
        guard let allowed = answers.allowsPlaintext, let address = answers.listenAddress else { return }
        let hasTLS = (json[path: "gateway.dicom.tls"] ?? .null) != .null
        let isOpen = allowed || hasTLS
        // What an earlier run has put there goes; `0.0.0.0` takes the port on every address.
        let everywhere = "0.0.0.0:\(WizardAnswers.dicomPort)"
        var listen = WizardAnswers.strings(json[path: "gateway.dicom.listen"]).filter { text in
            if [address, last.listenAddress, everywhere].contains(text) { return false }
            return !(isOpen && address == everywhere && ListenAddress(text)?.port == WizardAnswers.dicomPort)
        }
        if isOpen { listen.append(address) }
        if listen.isEmpty { listen = ["127.0.0.1:\(WizardAnswers.dicomPort)"] }
        set("gateway.dicom.listen", .array(listen.map(JSONValue.string)))
        if hasTLS { return }
        let isLocal = listen.allSatisfy { ListenAddress($0)?.isLoopback ?? true }
        let reason = json[path: "gateway.dicom.allowPlaintext"] ?? .null
        if allowed, reason == .null {
            set("gateway.dicom.allowPlaintext", .string(WizardAnswers.reason))
        } else if isLocal {
            set("gateway.dicom.allowPlaintext", .null)
        }
    }

    // MARK: Checking

    /// What the configuration's own rules say.
    var findings: [ConfigurationError.Finding] {
        do throws(ConfigurationError) {
            _ = try BoxConfiguration(json: Array(json.text().utf8))
            return []
        } catch {
            return error.findings
        }
    }

    /// The question whose answer stands at `path`.
    func step(at path: String) -> WizardStep? {
        if path == "site" { return .site }
        if path.hasPrefix("network.dns") { return .dns }
        if path.hasPrefix("network.ntp") { return .ntp }
        if path.hasPrefix("gateway.dicom.peers") { return .pacs }
        if path.hasPrefix("gateway.dicom.listen") || path.hasPrefix("gateway.dicom.allowPlaintext") {
            return .plaintext
        }
        for (index, interface) in Self.objects(json[path: "network.interfaces"]).enumerated()
        where path.hasPrefix("network.interfaces[\(index)]") {
            let zone: NetworkConfiguration.Zone
            switch interface["zone"] {
            case .string("care"): zone = .care
            case .string("dmz"): zone = .dmz
            default: return nil
            }
            if path.hasSuffix(".gateway"), !path.contains(".routes") { return .gateway(zone) }
            return path.contains(".ipv4") || path.contains(".ipv6") ? .address(zone) : .interface(zone)
        }
        return nil
    }
}
