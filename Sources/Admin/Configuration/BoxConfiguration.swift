// SPDX-License-Identifier: Apache-2.0

/// What somebody may change while the box runs: the document that the supervisor keeps as revisions.
package struct BoxConfiguration: Equatable, Sendable {
    package let site: String
    /// The box leaves the network alone where it is absent.
    package let network: NetworkConfiguration?
    /// The image's own server and times where it is absent.
    package let updates: UpdateSettings?
    private let sections: GatewayConfiguration.CheckedSections

    package init(json: [UInt8]) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        var reader = ConfigurationReader(try JSONValue(parsing: json), findings: findings)
        let site = reader.string("site", .text)
        let box = BoxConfiguration(site: site, reading: &reader)
        reader.finish()
        try findings.check()
        self = try Self.complete(box)
    }

    /// The first of `documents` that this version understands, and where it stands: after an update or a step back
    /// the newest one may be another version's, and the box has to come up all the same.
    package static func first(understoodIn documents: [String]) -> (index: Int, box: BoxConfiguration)? {
        for (index, document) in documents.enumerated() {
            if let box = try? BoxConfiguration(json: Array(document.utf8)) { return (index, box) }
        }
        return nil
    }

    /// Reads the sections of a document; nil only where a finding says why. `extra` reads the keys of `gateway`
    /// that are not the box's.
    init?(
        site: String,
        reading reader: inout ConfigurationReader,
        extra: (inout ConfigurationReader) -> Void = { _ in }
    ) {
        self.site = site
        var sections: GatewayConfiguration.CheckedSections?
        if var gateway = reader.object("gateway") {
            extra(&gateway)
            sections = GatewayConfiguration.Sections(from: &gateway).checked
            gateway.finish()
        }
        network = reader.optionalObject("network").map { NetworkConfiguration(reading: $0) }
        if let network { network.check(reader.path("network"), reader.findings) }
        updates = reader.optionalObject("updates").map { UpdateSettings(reading: $0, $0.value) }
        guard let sections else { return nil }
        self.sections = sections
    }

    static func complete(_ box: BoxConfiguration?) throws(ConfigurationError) -> BoxConfiguration {
        guard let box else {
            throw ConfigurationError(
                path: "gateway",
                found: "an incomplete object",
                expected: "dicom and web"
            )
        }
        return box
    }

    package func gateway(
        dataDirectory: String,
        credentialsDirectory: String,
        statusSocket: String
    ) -> GatewayConfiguration {
        GatewayConfiguration(
            site: site,
            dataDirectory: dataDirectory,
            credentialsDirectory: credentialsDirectory,
            statusSocket: statusSocket,
            sections: sections
        )
    }

    /// TCP ports that the gateway listens on, by what it speaks there.
    package func ports(of service: NetworkConfiguration.FirewallRule.Service) -> [Int] {
        let addresses =
            switch service {
            case .dicom: sections.dicom.listen
            case .web: sections.web.listen
            case .hl7: sections.hl7?.listen ?? []
            case .consumer: sections.consumer?.listen ?? []
            }
        return addresses.filter { !$0.isLoopback && $0.port > 0 }.map(\.port)
    }

    /// AE titles of the archives that can be asked whether they are there.
    package var peers: [String] { sections.dicom.peers.map(\.aeTitle) }

    /// The document that reads back as this value, every default written out.
    package var json: JSONValue {
        .object([
            "site": .string(site),
            "gateway": .object(sections.members),
            "network": network?.json ?? .null,
            "updates": updates?.json ?? .null,
        ])
    }

    package func encodeJSON() -> [UInt8] {
        Array((json.text() + "\n").utf8)
    }
}
