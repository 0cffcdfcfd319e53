// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// The pages with which professionals see exams of other sites, and take them into the site's archive.
    package struct Consumer: Equatable, Sendable {
        /// What becomes of one attribute of an instance that is imported, in place of what the box would do.
        package struct CoercionRule: Equatable, Sendable {
            package enum Action: String, Sendable, CaseIterable {
                case keep
                case empty
                case remove
                case replace
                /// As the contextual call says it: PatientName, PatientBirthDate or PatientSex.
                case local
            }

            /// What a contextual call says of a patient, and DICOM has an attribute for.
            package static let local: Set = ["PatientName", "PatientBirthDate", "PatientSex"]

            /// The keyword (PS3.6), such as "InstitutionName".
            package let attribute: String
            package let action: Action
            /// Of `replace`.
            package let value: String?
        }

        /// Of its own, so that the pages need not be where other boxes ask.
        package let listen: [ListenAddress]
        package let allowPlaintext: String?
        package let tls: ServerTLS?
        /// As browsers and Pro Santé Connect name us.
        package let publicURL: String
        /// How images come that are to be looked at.
        package enum Viewing: String, Sendable, CaseIterable {
            /// As for the archive: what is imported need not come once more.
            case lossless
            /// Smaller, for slow lines.
            case lossy
        }

        package let viewing: Viewing
        package let sessionIdleMinutes: Int
        /// A contextual call that nobody has opened is forgotten after so long.
        package let contextSeconds: Int
        /// The AE title of the peer that images are imported into; nothing is imported where it is absent.
        package let archive: String?
        /// Written reason for asking boxes at private addresses, as in a laboratory.
        package let allowPrivateAddresses: String?
        /// In the equipment that contributed to what is imported (0018,A001).
        package let station: String?
        package let coercion: [CoercionRule]
        /// Software whose users' access tokens are taken in questions about prior exams; nobody may ask where it is empty.
        package let priorClients: [String]
        /// A site that shares its manifests by itself, beside the national record.
        package struct DocumentResponder: Equatable, Sendable {
            /// For traces and for who reads the list.
            package let name: String
            /// Of its FHIR service: `https://host[:port]/fhir`.
            package let url: String
        }

        /// The form of a manifest that is read where there are several of the same images.
        package enum ManifestForm: String, Sendable, CaseIterable {
            case french
            case mado
            case fhir
        }

        package let preferredManifest: ManifestForm
        package let documentResponders: [DocumentResponder]
        /// Images of other sites that are kept while somebody looks at them.
        package let cacheBytes: Int
    }
}

extension GatewayConfiguration.Consumer {
    init(reading object: ConfigurationReader) {
        var reader = object
        allowPlaintext = reader.optionalString("allowPlaintext", .text)
        tls = reader.optionalObject("tls").map(GatewayConfiguration.ServerTLS.init(reading:))
        listen = reader.listen(allowPlaintext: allowPlaintext, hasTLS: tls != nil)
        publicURL = reader.string("publicURL", .origin)
        viewing = reader.choice("viewing", default: .lossless, or: .lossless)
        sessionIdleMinutes = reader.integer("sessionIdleMinutes", in: 1...60, default: 15)
        contextSeconds = reader.integer("contextSeconds", in: 10...600, default: 120)
        archive = reader.optionalString("archive", .aeTitle)
        allowPrivateAddresses = reader.optionalString("allowPrivateAddresses", .text)
        station = reader.optionalString("station", .text)
        coercion = reader.array("coercion", count: 0...64).map { path, value in
            CoercionRule(reading: ConfigurationReader(value, path: path, findings: reader.findings))
        }
        priorClients = reader.strings("priorClients", .text, count: 0...64)
        preferredManifest = reader.choice("preferredManifest", default: .french, or: .french)
        documentResponders = reader.array("documentResponders", count: 0...16).map { path, value in
            DocumentResponder(
                reading: ConfigurationReader(value, path: path, findings: reader.findings)
            )
        }
        cacheBytes = reader.integer("cacheBytes", in: 64 << 20...1 << 50, default: 20 << 30)
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "listen": .array(listen.map { .string($0.description) }),
            "allowPlaintext": allowPlaintext.map(JSONValue.string) ?? .null,
            "tls": tls?.json ?? .null,
            "publicURL": .string(publicURL),
            "viewing": .string(viewing.rawValue),
            "sessionIdleMinutes": .integer(sessionIdleMinutes),
            "contextSeconds": .integer(contextSeconds),
            "archive": archive.map(JSONValue.string) ?? .null,
            "allowPrivateAddresses": allowPrivateAddresses.map(JSONValue.string) ?? .null,
            "station": station.map(JSONValue.string) ?? .null,
            "coercion": .array(coercion.map(\.json)),
            "priorClients": .array(priorClients.map(JSONValue.string)),
            "preferredManifest": .string(preferredManifest.rawValue),
            "documentResponders": .array(documentResponders.map(\.json)),
            "cacheBytes": .integer(cacheBytes),
        ])
    }
}

extension GatewayConfiguration.Consumer.DocumentResponder {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        name = reader.string("name", .text)
        url = reader.string("url", .serviceURL)
        reader.finish()
    }

    fileprivate var json: JSONValue { .object(["name": .string(name), "url": .string(url)]) }
}

extension GatewayConfiguration.Consumer.CoercionRule {
    fileprivate init(reading object: ConfigurationReader) {
        var reader = object
        attribute = reader.string("attribute", .identifier)
        action = reader.choice("action", default: nil, or: .keep)
        value = reader.optionalString("value", .text)
        reader.finish()
        if action == .local, !Self.local.contains(attribute) {
            reader.note(
                "attribute",
                found: attribute,
                expected: "with \"local\" one of \(Self.local.sorted().joined(separator: ", "))"
            )
        }
        if (action == .replace) != (value != nil) {
            reader.note(
                "value",
                found: value == nil ? "nothing" : "a text",
                expected: "a text with \"replace\", and only with it"
            )
        }
    }

    fileprivate var json: JSONValue {
        .object([
            "attribute": .string(attribute), "action": .string(action.rawValue),
            "value": value.map(JSONValue.string) ?? .null,
        ])
    }
}

extension StringRule {
    /// Scheme, host and port alone.
    static let origin = StringRule(expected: "https://host[:port], without a path") { text in
        guard let url = StringRule.serviceURL.accept(text) else { return nil }
        return url.split(separator: "/").count == 2 ? url : nil
    }
}
