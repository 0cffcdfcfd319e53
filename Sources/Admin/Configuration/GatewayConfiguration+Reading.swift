// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration.Spool {
    init(reading object: ConfigurationReader) {
        var reader = object
        segmentBytes = reader.integer("segmentBytes", in: 1 << 20...4 << 30, default: 256 << 20)
        capacityBytes = reader.integer("capacityBytes", in: 2 << 20...1 << 50, default: 100 << 30)
        reader.finish()
        if capacityBytes < 2 * segmentBytes {
            reader.note(
                "capacityBytes",
                found: "\(capacityBytes)",
                expected: "at least two segments, \(2 * segmentBytes)"
            )
        }
    }
}

extension GatewayConfiguration.Peer {
    init(reading object: ConfigurationReader) {
        var reader = object
        aeTitle = reader.string("aeTitle", .aeTitle)
        host = reader.string("host", .host)
        port = reader.integer("port", in: 1...65535)
        var roles: Set<Role> = []
        for (path, value) in reader.array("roles", count: 0...Role.allCases.count) {
            guard case .string(let name) = value, let role = Role(rawValue: name) else {
                let names = Role.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
                reader.findings.note(path, found: value.evidence, expected: names)
                continue
            }
            if !roles.insert(role).inserted {
                reader.findings.note(path, found: value.evidence + " again", expected: "each role once")
            }
        }
        self.roles = roles
        sends = reader.choice("sends", default: .unsolicited, or: .unsolicited)
        maximumAssociations = reader.integer("maximumAssociations", in: 1...64, default: 4)
        bytesPerSecond = reader.optionalInteger("bytesPerSecond", in: 1 << 10...1 << 40)
        tls = reader.optionalObject("tls").map(GatewayConfiguration.PeerTLS.init(reading:))
        reader.finish()
    }
}

extension GatewayConfiguration.DICOM {
    init(reading object: ConfigurationReader) {
        var reader = object
        aeTitle = reader.string("aeTitle", .aeTitle)
        allowPlaintext = reader.optionalString("allowPlaintext", .text)
        tls = reader.optionalObject("tls").map(GatewayConfiguration.ServerTLS.init(reading:))
        listen = reader.listen(allowPlaintext: allowPlaintext, hasTLS: tls != nil)
        maximumPDULength = reader.integer("maximumPDULength", in: 4096...1 << 20, default: 128 << 10)
        maximumAssociations = reader.integer("maximumAssociations", in: 1...1024, default: 64)
        var titles: Set<String> = []
        peers = reader.array("peers", count: 0...1024).map { path, value in
            let peer = GatewayConfiguration.Peer(
                reading: ConfigurationReader(value, path: path, findings: reader.findings)
            )
            if !peer.aeTitle.isEmpty, !titles.insert(peer.aeTitle).inserted {
                let found = "\"\(peer.aeTitle)\" again"
                reader.findings.note("\(path).aeTitle", found: found, expected: "each AE title once")
            }
            return peer
        }
        acceptUnknownPeers = reader.boolean("acceptUnknownPeers", default: false)
        artimSeconds = reader.integer("artimSeconds", in: 1...600, default: 30)
        idleSeconds = reader.integer("idleSeconds", in: 1...86_400, default: 300)
        reader.finish()
    }
}

extension GatewayConfiguration.Web {
    init(reading object: ConfigurationReader) {
        var reader = object
        allowPlaintext = reader.optionalString("allowPlaintext", .text)
        tls = reader.optionalObject("tls").map(GatewayConfiguration.WebTLS.init(reading:))
        listen = reader.listen(allowPlaintext: allowPlaintext, hasTLS: tls != nil)
        databaseHost = reader.optionalString("databaseHost", .host)
        viewerHost = reader.optionalString("viewerHost", .host)
        authorization = reader.choice("authorization", default: nil, or: .none)
        reader.finish()
        if let viewerHost, viewerHost == databaseHost {
            reader.note("viewerHost", found: "\"\(viewerHost)\"", expected: "another name than databaseHost")
        }
        if let tls, databaseHost != nil, tls.server.clientAuthorities == nil {
            let expected = "a PEM file: databaseHost demands a client certificate"
            reader.note("tls.clientAuthorities", found: "nothing", expected: expected)
        }
        if let tls, tls.viewer != nil, viewerHost == nil {
            reader.note("tls.viewer", found: "an object", expected: "null: there is no viewerHost")
        }
    }
}

extension GatewayConfiguration.Boxes {
    init(reading object: ConfigurationReader) {
        var reader = object
        tls = reader.optionalObject("tls").map(GatewayConfiguration.PeerTLS.init(reading:))
        proxy = reader.address("proxy")
        reader.finish()
    }
}

extension GatewayConfiguration.HL7 {
    init(reading object: ConfigurationReader) {
        var reader = object
        allowPlaintext = reader.optionalString("allowPlaintext", .text)
        tls = reader.optionalObject("tls").map(GatewayConfiguration.ServerTLS.init(reading:))
        listen = reader.listen(allowPlaintext: allowPlaintext, hasTLS: tls != nil)
        reader.finish()
    }
}

extension ConfigurationReader {
    mutating func address(_ key: String) -> ListenAddress? {
        guard let text = optionalString(key, .text) else { return nil }
        let address = ListenAddress(text)
        if address == nil { note(key, found: "\"\(text)\"", expected: "\"host:port\"") }
        return address
    }

    /// `listen`: plain text stays on this machine unless somebody wrote down why not.
    mutating func listen(allowPlaintext: String?, hasTLS: Bool) -> [ListenAddress] {
        var addresses: [ListenAddress] = []
        for (path, value) in array("listen", count: 1...16) {
            guard case .string(let text) = value, let address = ListenAddress(text) else {
                findings.note(
                    path,
                    found: value.evidence,
                    expected: "\"host:port\" or \"[IPv6 address]:port\""
                )
                continue
            }
            if !address.isLoopback, allowPlaintext == nil, !hasTLS {
                findings.note(
                    path,
                    found: "\(value.evidence) without TLS",
                    expected:
                        "a loopback address, \(self.path("tls")), or the reason in \(self.path("allowPlaintext"))"
                )
            }
            if address.port != 0, addresses.contains(address) {
                findings.note(path, found: value.evidence + " again", expected: "each address once")
            }
            addresses.append(address)
        }
        return addresses
    }
}
