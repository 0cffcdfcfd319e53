// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// What the provider says of an access token (RFC 7662 2.2), as far as it concerns who may have images.
package struct IntrospectedToken: Equatable, Sendable {
    package let isActive: Bool
    /// Seconds since 1970.
    package let expires: Int64?
    package let issuer: String?
    /// The software that the token was given to: `azp`, or `client_id`.
    package let client: String?
    /// The professional: `SubjectNameID`, or `preferred_username`, or `sub`.
    package let subject: String?

    /// Reads an answer; nil where it is none.
    package init?(reading json: [UInt8]) {
        // A member of another type is as good as none, so each is read by itself.
        struct Answer: Decodable {
            let active: Bool
            let exp: Int64?
            let members: [String: String]

            struct Key: CodingKey {
                let stringValue: String
                var intValue: Int? { nil }

                init(stringValue: String) { self.stringValue = stringValue }
                init?(intValue: Int) { nil }
            }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                active = try container.decode(Bool.self, forKey: Key(stringValue: "active"))
                exp = try? container.decode(Int64.self, forKey: Key(stringValue: "exp"))
                var members: [String: String] = [:]
                for name in ["iss", "azp", "client_id", "SubjectNameID", "preferred_username", "sub"] {
                    members[name] = try? container.decode(String.self, forKey: Key(stringValue: name))
                }
                self.members = members
            }
        }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(json)) else { return nil }
        let members = answer.members
        isActive = answer.active
        expires = answer.exp
        issuer = members["iss"]
        client = members["azp"] ?? members["client_id"]
        subject = members["SubjectNameID"] ?? members["preferred_username"] ?? members["sub"]
    }
}
