// SPDX-License-Identifier: Apache-2.0
import Admin

/// An installation while it is asked for.
struct Wizard: Sendable {
    /// What Enter takes: as it is shown, and as if it had been typed.
    struct Standard: Equatable {
        let shown: String
        let value: String

        init(_ value: String, shown: String? = nil) {
            self.value = value
            self.shown = shown ?? value
        }
    }

    var base: JSONValue
    /// Of `base`.
    var etag: String?
    var answers: WizardAnswers
    /// Nobody has an account yet.
    var asksAdministrator: Bool
    var links: [NetworkStatus.Link]
    /// Whose cable was plugged in last while the question for an interface stood.
    var plugged: String?
    /// All questions were asked once: now only what is missing is asked.
    var isComplete = false
    /// Steps before the present one.
    var visited: [WizardStep] = []

    static let order: [WizardStep] = [
        .site, .interface(.care), .address(.care), .gateway(.care), .dmz, .interface(.dmz), .address(.dmz),
        .gateway(.dmz), .dns, .ntp, .pacs, .plaintext, .administrator, .password, .review,
    ]

    var document: WizardDocument { WizardDocument(answers, over: base) }

    private var hasTLS: Bool { (base[path: "gateway.dicom.tls"] ?? .null) != .null }

    /// The question after `step`.
    func step(after step: WizardStep?) -> WizardStep {
        let rest =
            step.flatMap { Self.order.firstIndex(of: $0) }.map { Self.order[($0 + 1)...] } ?? Self.order[...]
        return (isComplete ? Self.order[...] : rest).first(where: isAsked) ?? .review
    }

    private func isAsked(_ step: WizardStep) -> Bool {
        func unless(_ isAnswered: Bool) -> Bool { !(isComplete && isAnswered) }
        func zone(_ zone: NetworkConfiguration.Zone) -> Bool { zone == .care || answers.hasDMZ == true }
        switch step {
        case .site: return unless(answers.site != nil)
        case .interface(let name): return zone(name) && unless(answers[name].interface != nil)
        case .address(let name): return zone(name) && unless(answers[name].method != nil)
        case .gateway(let name):
            guard zone(name), case .fixed = answers[name].method else { return false }
            return answers[name].gateway == nil
        case .dmz: return unless(answers.hasDMZ != nil)
        case .dns: return unless(answers.nameServers != nil)
        case .ntp: return unless(answers.timeServers != nil)
        case .pacs: return unless(answers.archive != nil)
        case .plaintext: return !hasTLS && unless(answers.allowsPlaintext != nil)
        case .administrator: return asksAdministrator && unless(answers.administrator != nil)
        case .password: return asksAdministrator && answers.password == nil
        case .passwordAgain: return false
        case .review: return true
        }
    }

    // MARK: Defaults

    /// Devices and what the document makes of them.
    var interfaceNames: [String] {
        var names = links.map(\.name)
        if case .array(let list)? = base[path: "network.interfaces"] {
            for case .string(let name)? in list.map({ $0[path: "name"] }) where !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }

    func standard(_ step: WizardStep, _ text: ConsoleText) -> Standard? {
        switch step {
        case .site: answers.site.map { Standard($0) }
        case .interface(let zone): interface(for: zone).map { Standard($0) }
        case .address(let zone): address(of: zone, text)
        case .gateway(let zone): gateway(of: zone, text)
        case .dmz: Standard(text.yesNo(answers.hasDMZ ?? false))
        case .dns: nameServers(text)
        case .ntp: timeServers(text)
        case .pacs:
            answers.archive.map { archive in
                Standard(archive.map { "\($0.aeTitle) \($0.host) \($0.port)" } ?? text.none)
            }
        case .plaintext: Standard(text.yesNo(answers.allowsPlaintext ?? false))
        case .administrator: Standard(answers.administrator ?? "admin")
        case .password, .passwordAgain, .review: nil
        }
    }

    private func interface(for zone: NetworkConfiguration.Zone) -> String? {
        let taken = zone == .dmz ? answers.care.interface : nil
        if let plugged, plugged != taken { return plugged }
        if let name = answers[zone].interface { return name }
        let free = links.filter { $0.name != taken }
        return (free.first(where: \.hasCarrier) ?? free.first)?.name
    }

    private func address(of zone: NetworkConfiguration.Zone, _ text: ConsoleText) -> Standard? {
        switch answers[zone].method {
        case nil: nil
        case .dhcp: Standard("dhcp")
        case .fixed(let prefix):
            Standard("\(prefix) \(answers[zone].gateway.flatMap { $0.isEmpty ? nil : $0 } ?? text.none)")
        }
    }

    /// Most networks give their first address to the way out; the dmz of a box that has one already has none.
    private func gateway(of zone: NetworkConfiguration.Zone, _ text: ConsoleText) -> Standard? {
        if let gateway = answers[zone].gateway { return Standard(gateway.isEmpty ? text.none : gateway) }
        let care = answers.care
        let hasOther = zone == .dmz && (care.method == .dhcp || care.gateway?.isEmpty == false)
        guard !hasOther, case .fixed(let prefix)? = answers[zone].method, let first = prefix.firstHost,
            first != WizardAnswers.host(prefix)
        else { return Standard(text.none) }
        return Standard(first)
    }

    private func nameServers(_ text: ConsoleText) -> Standard? {
        if let servers = answers.nameServers, !servers.isEmpty {
            return Standard(servers.joined(separator: " "))
        }
        if answers.care.method == .dhcp { return Standard(text.none, shown: text.fromDHCP) }
        if answers.nameServers != nil { return Standard(text.none) }
        return answers.care.gateway.flatMap { $0.isEmpty ? nil : Standard($0) }
    }

    private func timeServers(_ text: ConsoleText) -> Standard? {
        if let servers = answers.timeServers {
            return Standard(servers.isEmpty ? text.none : servers.joined(separator: " "))
        }
        return answers.nameServers?.first.map { Standard($0) }
    }

    // MARK: Review

    func review(_ text: ConsoleText) -> [(step: WizardStep, value: String)] {
        var steps: [WizardStep] = [.site, .interface(.care), .address(.care), .dmz]
        if answers.hasDMZ == true { steps += [.interface(.dmz), .address(.dmz)] }
        steps += [.dns, .ntp, .pacs]
        if !hasTLS { steps.append(.plaintext) }
        if asksAdministrator { steps.append(.administrator) }
        return steps.map { step in (step, self.standard(step, text)?.shown ?? "-") }
    }
}

extension IPPrefix {
    /// The first address of a host in the network; nil where there is none worth guessing.
    fileprivate var firstHost: String? {
        guard address.family == .v4, (8...30).contains(length) else { return nil }
        let value = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let first = value & ~(UInt32.max >> UInt32(length)) + 1
        return [24, 16, 8, 0].map { "\(first >> UInt32($0) & 0xFF)" }.joined(separator: ".")
    }
}
