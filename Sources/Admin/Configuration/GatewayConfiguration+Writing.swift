// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// The document that reads back as this value.
    package func encodeJSON() -> [UInt8] {
        var members = GatewayConfiguration.CheckedSections(
            spool: spool,
            dicom: dicom,
            web: web,
            hl7: hl7,
            boxes: boxes,
            dmp: dmp,
            source: source,
            proSanteConnect: proSanteConnect,
            whiteList: whiteList,
            consumer: consumer,
            viewer: viewer
        ).members
        members["site"] = .string(site)
        members["dataDirectory"] = .string(dataDirectory)
        members["credentialsDirectory"] = .string(credentialsDirectory)
        members["statusSocket"] = statusSocket.map(JSONValue.string)
        return Array((JSONValue.object(members).text() + "\n").utf8)
    }
}

extension GatewayConfiguration.CheckedSections {
    var members: [String: JSONValue] {
        var members: [String: JSONValue] = [
            "spool": .object([
                "capacityBytes": .integer(spool.capacityBytes),
                "segmentBytes": .integer(spool.segmentBytes),
            ]),
            "dicom": dicom.json,
            "web": web.json,
        ]
        members["hl7"] = hl7?.json
        members["boxes"] = boxes?.json
        members["dmp"] = dmp?.json
        members["source"] = source?.json
        members["proSanteConnect"] = proSanteConnect?.json
        members["whiteList"] = whiteList?.json
        members["consumer"] = consumer?.json
        members["viewer"] = viewer?.json
        return members
    }
}

extension GatewayConfiguration.DICOM {
    fileprivate var json: JSONValue {
        .object([
            "aeTitle": .string(aeTitle),
            "listen": .array(listen.map { .string($0.description) }),
            "tls": tls?.json ?? .null,
            "maximumPDULength": .integer(maximumPDULength),
            "maximumAssociations": .integer(maximumAssociations),
            "peers": .array(peers.map(\.json)),
            "acceptUnknownPeers": .bool(acceptUnknownPeers),
            "artimSeconds": .integer(artimSeconds),
            "idleSeconds": .integer(idleSeconds),
            "allowPlaintext": allowPlaintext.map(JSONValue.string) ?? .null,
        ])
    }
}

extension GatewayConfiguration.Peer {
    fileprivate var json: JSONValue {
        .object([
            "aeTitle": .string(aeTitle),
            "host": .string(host),
            "port": .integer(port),
            "roles": .array(Role.allCases.filter(roles.contains).map { .string($0.rawValue) }),
            "sends": .string(sends.rawValue),
            "maximumAssociations": .integer(maximumAssociations),
            "bytesPerSecond": bytesPerSecond.map(JSONValue.integer) ?? .null,
            "tls": tls?.json ?? .null,
        ])
    }
}

extension GatewayConfiguration.Web {
    fileprivate var json: JSONValue {
        .object([
            "listen": .array(listen.map { .string($0.description) }),
            "tls": tls?.json ?? .null,
            "databaseHost": databaseHost.map(JSONValue.string) ?? .null,
            "viewerHost": viewerHost.map(JSONValue.string) ?? .null,
            "authorization": .string(authorization.rawValue),
            "allowPlaintext": allowPlaintext.map(JSONValue.string) ?? .null,
        ])
    }
}

extension GatewayConfiguration.Boxes {
    fileprivate var json: JSONValue {
        .object(["tls": tls?.json ?? .null, "proxy": proxy.map { .string($0.description) } ?? .null])
    }
}

extension GatewayConfiguration.HL7 {
    fileprivate var json: JSONValue {
        .object([
            "listen": .array(listen.map { .string($0.description) }),
            "tls": tls?.json ?? .null,
            "allowPlaintext": allowPlaintext.map(JSONValue.string) ?? .null,
        ])
    }
}
