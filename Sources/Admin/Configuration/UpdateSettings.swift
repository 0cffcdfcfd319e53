// SPDX-License-Identifier: Apache-2.0

/// What a site says of its box's updates: from which server, and when the box may be disturbed. Whose releases they are, the
/// image says.
package struct UpdateSettings: Equatable, Sendable {
    /// What of `update.json` a site may say.
    static let keys: Set = ["server", "download", "reboot", "windows", "bytesPerSecond"]
    private static let files = ["authorities", "certificate", "privateKey"]

    /// As it was read; its values are good ones.
    package let json: JSONValue

    init(reading object: ConfigurationReader, _ value: JSONValue) {
        var reader = object
        _ = UpdateConfiguration.Timing(&reader)
        if let server = reader.optionalObject("server") {
            _ = UpdateConfiguration.Server(reading: server, of: .site)
        }
        reader.finish()
        json = value
    }

    /// The document for `drimbox-update`: files stand with their whole paths.
    package func rendered(credentialsDirectory: String) -> [UInt8] {
        guard case .object(var members) = json, case .object(var server)? = members["server"] else {
            return Array((json.text() + "\n").utf8)
        }
        for key in Self.files {
            if case .string(let name)? = server[key] {
                server[key] = .string("\(credentialsDirectory)/\(name)")
            }
        }
        members["server"] = .object(server)
        return Array((JSONValue.object(members).text() + "\n").utf8)
    }

    /// `update.json` with what the site says in the place of its own.
    ///
    /// - Throws: where the site says something else than it may, or names a file that is none of `credentialsDirectory`.
    static func merge(_ site: [UInt8], into document: JSONValue, credentialsDirectory: String)
        throws(ConfigurationError)
        -> JSONValue
    {
        let said = try JSONValue(parsing: site)
        guard case .object(let members) = said, case .object(var merged) = document else {
            throw ConfigurationError(path: "", found: said.evidence, expected: "an object")
        }
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            guard keys.contains(key) else {
                throw ConfigurationError(
                    path: key,
                    found: "what the image alone says",
                    expected: keys.sorted().joined(separator: ", ")
                )
            }
            if value != .null { merged[key] = value }
        }
        for key in files {
            guard case .string(let path)? = said[path: "server.\(key)"] else { continue }
            let name =
                path.hasPrefix(credentialsDirectory + "/")
                ? path.dropFirst(credentialsDirectory.count + 1) : ""
            guard CredentialUpload.isName(String(name)) else {
                throw ConfigurationError(
                    path: "server.\(key)",
                    found: "\"\(path)\"",
                    expected: "one of the box's credentials"
                )
            }
        }
        return .object(merged)
    }
}

extension StringRule {
    static let credential = StringRule(expected: "the name of one of the box's credentials") {
        CredentialUpload.isName($0) ? $0 : nil
    }
}
