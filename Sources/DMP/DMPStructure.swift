// SPDX-License-Identifier: Apache-2.0
package import XML

/// A care structure as the record knows it, with its certificates.
package struct DMPStructure: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let contentType: String
        package let body: [UInt8]

        package init(status: Int, contentType: String, body: [UInt8]) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    /// Why there is no answer.
    package enum Failure: Error, Sendable {
        /// The record has not seen the request.
        case notSent(String)
        /// Nobody knows whether it has.
        case noAnswer(String)
    }

    package var identifiers: [String]
    package var name: String
    /// Of the legal entity, in the mode EJ/EG.
    package var vihfIdentifier: String?
    /// Secteur d'activité (1.2.250.1.71.4.2.4); nil where whoever asks says theirs.
    package var sector: String?
    package var signature: SigningKey
    /// Sends a body of a content type to a URL, with the structure's certificate (ORG AUTH_CLI).
    package var post:
        @Sendable (_ body: [UInt8], _ contentType: String, _ url: String) async throws(Failure) -> Answer

    package init(
        identifiers: [String],
        name: String,
        vihfIdentifier: String?,
        sector: String?,
        signature: SigningKey,
        post:
            @escaping @Sendable (_ body: [UInt8], _ contentType: String, _ url: String) async throws(Failure)
            -> Answer
    ) {
        self.identifiers = identifiers
        self.name = name
        self.vihfIdentifier = vihfIdentifier
        self.sector = sector
        self.signature = signature
        self.post = post
    }
}
