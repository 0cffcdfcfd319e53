// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration {
    /// The pages on which doctors look at images: from the link of a report, and from the consumer's list.
    package struct Viewer: Equatable, Sendable {
        /// The browser's part of it.
        package let directory: String
        /// As browsers and Pro Santé Connect name us; its host is `web.viewerHost`. Links of reports lead nowhere where it
        /// is absent.
        package let publicURL: String?
        package let sessionIdleMinutes: Int
        /// Whatever they do, readers sign in anew after so long.
        package let sessionHours: Int
        package enum Download: String, Sendable, CaseIterable {
            case nobody
            case doctors
            /// Doctors, patients and those who represent them in law.
            case readers
        }

        /// Who may take exams away, as files.
        package let download: Download
        /// Nil: patients are shown nothing.
        package let patients: Patients?
    }

    /// Who signs patients in, and those who represent them in law, so that links of reports open for them too.
    package struct Patients: Equatable, Sendable {
        package let provider: IdentityProvider
        /// As patients know the provider: "Mon espace santé".
        package let name: String
        /// The claim of userinfo that holds the INS of who signed in.
        package let identifierClaim: String
        /// The claim that holds the INS of each whom they represent; nobody represents anybody where it is absent.
        package let representedClaim: String?
    }
}

extension GatewayConfiguration.Viewer {
    static let standardDirectory = "/usr/share/drimbox/viewer"

    init(reading object: ConfigurationReader) {
        var reader = object
        directory = reader.optionalString("directory", .path) ?? Self.standardDirectory
        publicURL = reader.optionalString("publicURL", .origin)
        sessionIdleMinutes = reader.integer("sessionIdleMinutes", in: 1...60, default: 15)
        sessionHours = reader.integer("sessionHours", in: 1...12, default: 8)
        download = reader.choice("download", default: .nobody, or: .nobody)
        patients = reader.optionalObject("patients").map(GatewayConfiguration.Patients.init(reading:))
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "directory": .string(directory),
            "publicURL": publicURL.map(JSONValue.string) ?? .null,
            "sessionIdleMinutes": .integer(sessionIdleMinutes),
            "sessionHours": .integer(sessionHours),
            "download": .string(download.rawValue),
            "patients": patients?.json ?? .null,
        ])
    }

    /// The host that browsers name in `publicURL`.
    package var host: String? {
        guard let start = publicURL?.split(separator: "/").last else { return nil }
        if start.hasPrefix("[") { return start.split(separator: "]").first.map { $0 + "]" } }
        return start.split(separator: ":").first.map(String.init)
    }
}

extension GatewayConfiguration.Patients {
    init(reading object: ConfigurationReader) {
        var reader = object
        provider = GatewayConfiguration.IdentityProvider(
            &reader,
            standards: .init(
                discovery: "/.well-known/openid-configuration",
                scope: "openid",
                acrValues: "eidas2"
            )
        )
        name = reader.string("name", .text)
        identifierClaim = reader.string("identifierClaim", .text)
        representedClaim = reader.optionalString("representedClaim", .text)
        reader.finish()
        if representedClaim == identifierClaim {
            reader.note(
                "representedClaim",
                found: "\"\(identifierClaim)\"",
                expected: "another claim than identifierClaim"
            )
        }
    }

    var json: JSONValue {
        .object(
            provider.members.merging([
                "name": .string(name),
                "identifierClaim": .string(identifierClaim),
                "representedClaim": representedClaim.map(JSONValue.string) ?? .null,
            ]) { $1 }
        )
    }
}

extension GatewayConfiguration.Sections {
    func checkViewer(_ reader: ConfigurationReader) {
        guard let viewer else { return }
        if source == nil, consumer == nil {
            reader.note("viewer", found: "an object", expected: "null: there is neither source nor consumer")
        }
        guard let host = viewer.host else {
            if viewer.patients != nil {
                reader.note("viewer.patients", found: "an object", expected: "null: there is no publicURL")
            }
            if source != nil, consumer == nil {
                reader.note("viewer.publicURL", found: "nothing", expected: "where links of reports lead to")
            }
            return
        }
        if source == nil {
            let expected = "null: without source there are no links of reports"
            reader.note("viewer.publicURL", found: "a URL", expected: expected)
        }
        if proSanteConnect == nil {
            reader.note("proSanteConnect", found: "nothing", expected: "who signs professionals in")
        }
        if let web, web.viewerHost?.lowercased() != host.lowercased() {
            let found = web.viewerHost.map { "\"\($0)\"" } ?? "nothing"
            reader.note("web.viewerHost", found: found, expected: "\"\(host)\", as in viewer.publicURL")
        }
    }
}
