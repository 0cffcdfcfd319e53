// SPDX-License-Identifier: Apache-2.0

/// The answers of the install wizard as a file: the configuration's document, and who may log in.
package struct AnswerFile: Equatable, Sendable {
    package struct User: Equatable, Sendable {
        package enum Secret: Equatable, Sendable {
            case password(String)
            /// As crypt(5) writes it, yescrypt: a file on a stick need not hold the password.
            case hash(String)
        }

        package let name: String
        package let role: Role
        package let secret: Secret
    }

    private static let maximumUsers = 50

    /// Without the users and the credentials.
    package let document: JSONValue
    package let users: [User]
    /// Files that the document names, by their names: PEM, or another text.
    package let credentials: [String: String]

    /// - Throws: everything that is wrong with it, the configuration's own errors included.
    package init(json: [UInt8]) throws(ConfigurationError) {
        let value = try JSONValue(parsing: json)
        guard case .object(var members) = value else {
            throw ConfigurationError(path: "", found: value.evidence, expected: "an object")
        }
        let findings = ConfigurationReader.Findings()
        let users = members.removeValue(forKey: "users") ?? .array([])
        credentials = Self.credentials(members.removeValue(forKey: "credentials"), findings)
        document = .object(members)
        var reader = ConfigurationReader(.object(["users": users]), findings: findings)
        var names: Set<String> = []
        self.users = reader.array("users", count: 0...Self.maximumUsers).compactMap { path, value in
            guard let user = User(reading: value, path, findings) else { return nil }
            guard names.insert(user.name).inserted else {
                findings.note("\(path).name", found: "a name twice", expected: "each person once")
                return nil
            }
            return user
        }
        do throws(ConfigurationError) {
            _ = try BoxConfiguration(json: Array(document.text().utf8))
        } catch {
            throw ConfigurationError(findings: findings.list + error.findings)
        }
        try findings.check()
    }

    /// Never tells what stands in one.
    private static func credentials(_ value: JSONValue?, _ findings: ConfigurationReader.Findings) -> [String:
        String]
    {
        guard let value, value != .null else { return [:] }
        guard case .object(let members) = value else {
            findings.note(
                "credentials",
                found: "what is no object",
                expected: "an object: a text for each name"
            )
            return [:]
        }
        var credentials: [String: String] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            if case .string(let text) = value, CredentialUpload.isName(name) {
                credentials[name] = text
            } else {
                let isName = CredentialUpload.isName(name)
                findings.note(
                    isName ? "credentials.\(name)" : "credentials",
                    found: isName ? "what is no text" : "the name \"\(name.prefix(80))\"",
                    expected: isName ? "a text" : CredentialUpload.expectedName
                )
            }
        }
        return credentials
    }
}

extension AnswerFile.User {
    /// Never tells what stands for a secret.
    fileprivate init?(reading value: JSONValue, _ path: String, _ findings: ConfigurationReader.Findings) {
        var reader = ConfigurationReader(value, path: path, findings: findings)
        let name = reader.string("name", .text)
        let role: Role? = reader.choice("role", default: nil, or: .viewer)
        let password = Self.secret("password", of: value)
        let hash = Self.secret("passwordHash", of: value)
        reader.skip(["password", "passwordHash"])
        reader.finish()
        switch (password, hash) {
        case (let password?, nil):
            let request = ConsoleUserRequest(name: name, role: role ?? .viewer, password: password)
            if let objection = request.objection {
                findings.note(path, found: "what is not acceptable", expected: objection)
                return nil
            }
            secret = .password(password)
        case (nil, let hash?):
            let parts = hash.utf8.filter { $0 == UInt8(ascii: "$") }.count
            let isHash = hash.hasPrefix("$y$") && parts == 4 && (40...256).contains(hash.utf8.count)
            let isName =
                ConsoleUserRequest(name: name, role: .viewer, password: "0123456789").objection == nil
            guard isHash, isName else {
                findings.note(
                    path,
                    found: "what is not acceptable",
                    expected: "a name, and a hash of yescrypt"
                )
                return nil
            }
            secret = .hash(hash)
        default:
            findings.note(path, found: "both or none", expected: "password or passwordHash")
            return nil
        }
        guard let role else { return nil }
        self.name = name
        self.role = role
    }

    private static func secret(_ key: String, of value: JSONValue) -> String? {
        if case .string(let text)? = value[path: key] { text } else { nil }
    }
}

/// `POST /v1/provisioning`: bytes are base64.
package struct ProvisioningRequest: Codable, Equatable, Sendable {
    /// The file, as it was signed.
    package let file: String
    /// Ed25519 of the file.
    package let signature: String?
    /// Whose signature counts; only where the box's own document names nobody.
    package let key: String?
    /// A person has said that this file needs no signature.
    package let acceptsUnsigned: Bool?
    package let confirm: ConfirmPolicy

    package init(
        file: String,
        signature: String? = nil,
        key: String? = nil,
        acceptsUnsigned: Bool? = nil,
        confirm: ConfirmPolicy
    ) {
        self.file = file
        self.signature = signature
        self.key = key
        self.acceptsUnsigned = acceptsUnsigned
        self.confirm = confirm
    }
}

package struct ProvisioningReport: Codable, Equatable, Sendable {
    /// The fingerprint of the key that signed; absent where a person took the file unsigned.
    package let signedBy: String?
    /// Absent where the file says what is in force already.
    package let transaction: TransactionStatus?
    package let revision: Int
    /// Names that were added or changed; none where the change was undone.
    package let users: [String]
    package let state: ProvisioningState

    package init(
        signedBy: String?,
        transaction: TransactionStatus?,
        revision: Int,
        users: [String],
        state: ProvisioningState
    ) {
        self.signedBy = signedBy
        self.transaction = transaction
        self.revision = revision
        self.users = users
        self.state = state
    }

    package var isUndone: Bool { transaction?.state == .rolledBack }
}
