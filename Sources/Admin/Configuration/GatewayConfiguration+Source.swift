// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// The national record (DMP), to which we are the client.
    package struct DMP: Equatable, Sendable {
        /// `LPS_*` of the VIHF: what the product is registered as.
        package struct Software: Equatable, Sendable {
            package let identifier: String
            package let name: String
            package let homologation: String
        }

        package enum Algorithm: String, Sendable, CaseIterable {
            case sha1
            case sha256
        }

        /// How a structure appears in the record (guide d'intégration DMP).
        package enum Mode: String, Sendable, CaseIterable {
            /// One identifier everywhere, with its own certificates.
            case eg = "EG"
            /// The site's identifier in what is submitted, the legal entity's in the VIHF and in the certificates.
            case ejEG = "EJ/EG"
        }

        /// A care structure whose reports we publish.
        package struct Structure: Equatable, Sendable {
            /// As reports name it (1 and FINESS, 3 and SIRET, 4 and RPPS-rank; or the bare number).
            package let identifiers: [String]
            package let name: String
            package let mode: Mode
            /// In the VIHF; the first of `identifiers` where it is absent.
            package let vihfIdentifier: String?
            /// Secteur d'activité (1.2.250.1.71.4.2.4); the report's where it is absent.
            package let sector: String?
            /// ORG AUTH_CLI: of the connection.
            package let authentication: Credentials
            /// ORG SIGN: of the VIHF and of what is submitted.
            package let signature: Credentials
        }

        /// What `/repository`, `/registry`, `/patients` come after.
        package let services: String
        /// Who may have signed the record's certificate.
        package let authorities: String
        package let proxy: ListenAddress?
        package let software: Software
        package let algorithm: Algorithm
        /// The OID that submissions come from (XDSSubmissionSet.sourceId).
        package let sourceIdentifier: String
        package let timeoutSeconds: Int
        /// Whether a document may be hidden from doctors and from the patient at once.
        package let allowsMaskedAndInvisible: Bool
        package let structures: [Structure]
    }

    /// Reports that come in, and what is published of their images.
    package struct Source: Equatable, Sendable {
        /// The AE title of the peer that is asked for the images; the first with the role `find` where it is absent.
        package let archive: String?
        /// What `/studies/…` comes after in a manifest's Retrieve URL (0008,1190).
        package let retrieveURL: String
        package let retrieveLocationUID: String?
        /// Images that did not come by then are reported to a person.
        package let imageWaitHours: Int
        /// Exams that are published at a time.
        package let parallelPublications: Int
        /// Hours and minutes from UTC at the site, such as "+0100"; of the machine where it is absent.
        package let timezoneOffset: String?
        package let manifests: Manifests
        /// Nil where none is published in that form.
        package let mado: MADO?
    }
}

extension GatewayConfiguration.DMP {
    init(reading object: ConfigurationReader) {
        var reader = object
        services = reader.string("services", .serviceURL)
        authorities = reader.string("authorities", .pemFile)
        proxy = reader.address("proxy")
        software = .init(reading: &reader)
        algorithm = reader.choice("algorithm", default: .sha256, or: .sha256)
        sourceIdentifier = reader.string("sourceIdentifier", .oid)
        timeoutSeconds = reader.integer("timeoutSeconds", in: 1...600, default: 60)
        allowsMaskedAndInvisible = reader.boolean("allowsMaskedAndInvisible", default: false)
        var known: Set<String> = []
        structures = reader.array("structures", count: 1...1000).map { path, value in
            let structure = Structure(
                reading: ConfigurationReader(value, path: path, findings: reader.findings)
            )
            for identifier in structure.identifiers where !known.insert(identifier).inserted {
                reader.findings.note(
                    "\(path).identifiers",
                    found: "\"\(identifier)\" again",
                    expected: "each identifier once"
                )
            }
            return structure
        }
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "services": .string(services),
            "authorities": .string(authorities),
            "proxy": proxy.map { .string($0.description) } ?? .null,
            "software": .object([
                "identifier": .string(software.identifier), "name": .string(software.name),
                "homologation": .string(software.homologation),
            ]),
            "algorithm": .string(algorithm.rawValue),
            "sourceIdentifier": .string(sourceIdentifier),
            "timeoutSeconds": .integer(timeoutSeconds),
            "allowsMaskedAndInvisible": .bool(allowsMaskedAndInvisible),
            "structures": .array(structures.map(\.json)),
        ])
    }
}

extension GatewayConfiguration.DMP.Software {
    fileprivate init(reading reader: inout ConfigurationReader) {
        var software = reader.object("software")
        identifier = software?.string("identifier", .text) ?? ""
        name = software?.string("name", .text) ?? ""
        homologation = software?.string("homologation", .text) ?? ""
        software?.finish()
    }
}

extension GatewayConfiguration.DMP.Structure {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        identifiers = reader.strings("identifiers", .identifier, count: 1...32)
        name = reader.string("name", .text)
        mode = reader.choice("mode", default: .eg, or: .eg)
        vihfIdentifier = reader.optionalString("vihfIdentifier", .identifier)
        sector = reader.optionalString("sector", .identifier)
        authentication = reader.credentials("authentication")
        signature = reader.credentials("signature")
        reader.finish()
        if mode == .eg, vihfIdentifier != nil {
            reader.note("vihfIdentifier", found: "a text", expected: "null, or \"mode\": \"EJ/EG\"")
        }
    }

    fileprivate var json: JSONValue {
        .object([
            "identifiers": .array(identifiers.map(JSONValue.string)),
            "name": .string(name),
            "mode": .string(mode.rawValue),
            "vihfIdentifier": vihfIdentifier.map(JSONValue.string) ?? .null,
            "sector": sector.map(JSONValue.string) ?? .null,
            "authentication": authentication.json,
            "signature": signature.json,
        ])
    }
}

extension GatewayConfiguration.Source {
    init(reading object: ConfigurationReader) {
        var reader = object
        archive = reader.optionalString("archive", .aeTitle)
        retrieveURL = reader.string("retrieveURL", .serviceURL)
        retrieveLocationUID = reader.optionalString("retrieveLocationUID", .oid)
        imageWaitHours = reader.integer("imageWaitHours", in: 1...8760, default: 72)
        parallelPublications = reader.integer("parallelPublications", in: 1...64, default: 4)
        timezoneOffset = reader.optionalString("timezoneOffset", .timezoneOffset)
        manifests = reader.choice("manifests", default: .french, or: .french)
        let mado = reader.optionalObject("mado").map(MADO.init(reading:))
        reader.finish()
        if manifests == .french {
            self.mado = nil
            if mado != nil {
                reader.note("mado", found: "an object", expected: "null, or \"manifests\": \"both\"")
            }
            return
        }
        self.mado = mado ?? .standard
        // MADO 6.X.2.14 wants it of every series.
        if retrieveLocationUID == nil {
            let expected = "an OID: MADO manifests say where images are kept"
            reader.note("retrieveLocationUID", found: "nothing", expected: expected)
        }
    }

    var json: JSONValue {
        .object([
            "archive": archive.map(JSONValue.string) ?? .null,
            "retrieveURL": .string(retrieveURL),
            "retrieveLocationUID": retrieveLocationUID.map(JSONValue.string) ?? .null,
            "imageWaitHours": .integer(imageWaitHours),
            "parallelPublications": .integer(parallelPublications),
            "timezoneOffset": timezoneOffset.map(JSONValue.string) ?? .null,
            "manifests": .string(manifests.rawValue),
            "mado": mado?.json ?? .null,
        ])
    }
}

extension StringRule {
    /// https; http where it does not leave this machine.
    static let serviceURL = StringRule(expected: "an https URL without query, not ending in /") { text in
        let isLoopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"].contains {
            text == $0 || text.hasPrefix($0 + ":") || text.hasPrefix($0 + "/")
        }
        guard text.hasPrefix("https://") || isLoopback, !text.hasSuffix("/"), text.utf8.count <= 512 else {
            return nil
        }
        let isPlain = text.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && !"\"<>?#@\\^`{|}".utf8.contains($0)
        }
        return isPlain && text.utf8.count > "https://".utf8.count ? text : nil
    }

    /// X.660; 64 characters are what DICOM and XDS take.
    static let oid = StringRule(expected: "an OID, such as \"1.2.250.1.999\"") { text in
        let arcs = text.split(separator: ".", omittingEmptySubsequences: false)
        let isOID = arcs.allSatisfy { arc in
            !arc.isEmpty && arc.utf8.allSatisfy { (0x30...0x39).contains($0) }
                && (arc.count == 1 || !arc.hasPrefix("0"))
        }
        return isOID && arcs.count >= 2 && text.utf8.count <= 64 ? text : nil
    }

    static let identifier = StringRule(expected: "1 to 64 letters and digits") { text in
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "/"): true
            default: false
            }
        }
        return isPlain && (1...64).contains(text.utf8.count) ? text : nil
    }

    /// DICOM PS3.3 C.12.1.1.8.
    static let timezoneOffset = StringRule(expected: "an offset from UTC, such as \"+0100\"") { text in
        let digits = text.dropFirst()
        guard text.hasPrefix("+") || text.hasPrefix("-"), digits.count == 4, let value = Int(digits),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), value <= 1400, value % 100 < 60
        else { return nil }
        return text
    }
}
