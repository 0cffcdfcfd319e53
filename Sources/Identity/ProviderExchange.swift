// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// How the provider is spoken to. What throws counts as "does not answer".
package struct ProviderExchange: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        /// The header's value, parameters included; empty where there is none.
        package let contentType: String
        package let body: [UInt8]

        package init(status: Int, contentType: String, body: [UInt8]) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    package struct Credentials: Equatable, Sendable {
        package let clientID: String
        package let secret: String

        package init(clientID: String, secret: String) {
            self.clientID = clientID
            self.secret = secret
        }

        /// The value of Authorization (RFC 6749 2.3.1: both are form-encoded first).
        package var basic: String {
            let pair = "\(FormFields.escaped(clientID)):\(FormFields.escaped(secret))"
            return "Basic \(Data(pair.utf8).base64EncodedString())"
        }
    }

    /// GET, with a bearer token or none.
    package typealias Get = @Sendable (_ url: String, _ bearer: String?) async throws -> Answer
    /// POST of a form. Without credentials the connection's client certificate says who asks (RFC 8705 2).
    package typealias Post =
        @Sendable (_ form: FormFields, _ url: String, _ credentials: Credentials?) async throws -> Answer

    let get: Get
    let post: Post

    package init(get: @escaping Get, post: @escaping Post) {
        self.get = get
        self.post = post
    }
}
