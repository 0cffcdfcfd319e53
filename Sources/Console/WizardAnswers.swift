// SPDX-License-Identifier: Apache-2.0
import Admin

enum WizardStep: Hashable, Sendable {
    case site
    case interface(NetworkConfiguration.Zone)
    case address(NetworkConfiguration.Zone)
    case gateway(NetworkConfiguration.Zone)
    case dmz
    case dns
    case ntp
    case pacs
    case plaintext
    case administrator
    case password
    case passwordAgain
    case review
}

/// What the wizard asks, and the document that comes of it.
struct WizardAnswers: Sendable {
    enum Method: Equatable, Sendable {
        case dhcp
        case fixed(IPPrefix)
    }

    struct ZoneAnswers: Equatable, Sendable {
        var interface: String?
        var method: Method?
        /// Nil: not asked yet. Empty: there is none.
        var gateway: String?
    }

    struct Archive: Equatable, Sendable {
        var aeTitle: String
        var host: String
        var port: Int
    }

    static let dicomPort = 11112
    static let reason = "hospital network, configured by the installer"

    var site: String?
    var care = ZoneAnswers()
    var dmz = ZoneAnswers()
    var hasDMZ: Bool?
    var nameServers: [String]?
    var timeServers: [String]?
    /// Nil inside: there is none.
    var archive: Archive??
    var allowsPlaintext: Bool?
    /// Only where there is no account yet.
    var administrator: String?
    var password: String?

    init() {}

    subscript(zone: NetworkConfiguration.Zone) -> ZoneAnswers {
        get { zone == .dmz ? dmz : care }
        set { if zone == .dmz { dmz = newValue } else { care = newValue } }
    }

    /// Where the gateway would take DICOM from the care network.
    var listenAddress: String? {
        switch care.method {
        case nil: nil
        // Nobody knows the address yet; the firewall keeps the other zones out.
        case .dhcp: "0.0.0.0:\(Self.dicomPort)"
        case .fixed(let prefix):
            prefix.address.family == .v6
                ? "[\(Self.host(prefix))]:\(Self.dicomPort)" : "\(Self.host(prefix)):\(Self.dicomPort)"
        }
    }

    static func host(_ prefix: IPPrefix) -> String {
        String(prefix.description.prefix { $0 != "/" })
    }

    // MARK: From a document

    /// What the document says already.
    init(_ document: JSONValue) {
        if case .string(let site)? = document[path: "site"] { self.site = site }
        if case .array(let peers)? = document[path: "gateway.dicom.peers"],
            let peer = peers.first(where: Self.isArchive), case .string(let title)? = peer[path: "aeTitle"],
            case .string(let host)? = peer[path: "host"], case .integer(let port)? = peer[path: "port"]
        {
            archive = .some(Archive(aeTitle: title, host: host, port: port))
        }
        guard let network = document[path: "network"], network != .null else { return }
        care = Self.zone(.care, network)
        dmz = Self.zone(.dmz, network)
        hasDMZ = dmz.interface != nil
        nameServers = Self.strings(network[path: "dns.servers"])
        timeServers = Self.strings(network[path: "ntp"])
        if case .array(let listen)? = document[path: "gateway.dicom.listen"] {
            allowsPlaintext = listen.contains {
                if case .string(let text) = $0 { ListenAddress(text)?.isLoopback == false } else { false }
            }
        }
    }

    static func isArchive(_ peer: JSONValue) -> Bool {
        strings(peer[path: "roles"]).contains("move")
    }

    static func strings(_ value: JSONValue?) -> [String] {
        guard case .array(let list)? = value else { return [] }
        return list.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }

    private static func zone(_ zone: NetworkConfiguration.Zone, _ network: JSONValue) -> ZoneAnswers {
        var answers = ZoneAnswers()
        guard case .array(let list)? = network[path: "interfaces"],
            let entry = list.first(where: { $0[path: "zone"] == .string(zone.rawValue) }),
            case .string(let name)? = entry[path: "name"]
        else { return answers }
        answers.interface = name
        for family in ["ipv4", "ipv6"] where answers.method == nil {
            switch entry[path: "\(family).method"] {
            case .string("dhcp"): answers.method = .dhcp
            case .string("static"):
                if case .string(let text)? = entry[path: "\(family).address"] {
                    answers.method = IPPrefix(text).map { .fixed($0) }
                }
                if case .string(let text)? = entry[path: "\(family).gateway"] { answers.gateway = text }
                answers.gateway = answers.gateway ?? ""
            default: break
            }
        }
        return answers
    }
}
