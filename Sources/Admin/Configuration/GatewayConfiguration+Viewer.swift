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
        }

        /// Who may take exams away, as files.
        package let download: Download
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
        reader.finish()
    }

    var json: JSONValue {
        .object([
            "directory": .string(directory),
            "publicURL": publicURL.map(JSONValue.string) ?? .null,
            "sessionIdleMinutes": .integer(sessionIdleMinutes),
            "sessionHours": .integer(sessionHours),
            "download": .string(download.rawValue),
        ])
    }

    /// The host that browsers name in `publicURL`.
    package var host: String? {
        guard let start = publicURL?.split(separator: "/").last else { return nil }
        if start.hasPrefix("[") { return start.split(separator: "]").first.map { $0 + "]" } }
        return start.split(separator: ":").first.map(String.init)
    }
}

extension GatewayConfiguration.Sections {
    func checkViewer(_ reader: ConfigurationReader) {
        guard let viewer else { return }
        if source == nil, consumer == nil {
            reader.note("viewer", found: "an object", expected: "null: there is neither source nor consumer")
        }
        guard let host = viewer.host else {
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
