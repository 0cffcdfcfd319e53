// SPDX-License-Identifier: Apache-2.0
package import Admin

/// The national list of the boxes of DRIM-M: whose images may be asked for, and who may ask.
///
/// This is what a document says. Whether the national agency has said it, `WhiteListVerifier` finds out.
package struct WhiteList: Equatable, Sendable {
    /// DateDeGeneration.
    package let generated: Timestamp
    /// 1.0.0 so far.
    package let formatVersion: String
    /// In the order of the document.
    package let domains: [Domain]
    /// What has no host or no name that could be compared: listed, but good for nothing.
    package let unusable: [Unusable]

    /// A box, by its two hosts and the certificate with which it asks others.
    package struct Domain: Equatable, Sendable {
        /// Identifiant: of the operator, who may have several boxes.
        package let operatorIdentifier: String
        /// The host that serves images to other boxes, in small letters.
        package let db: String
        /// The host of its viewer, in small letters.
        package let vi: String
        package let operatorName: String
        /// DNCertificatOperateur.
        package let certificate: CertificateName
        package let supportContact: String
        /// DateMAJ; nil where it is absent or no time.
        package let updated: Timestamp?
    }

    package struct Unusable: Equatable, Sendable {
        /// Number of the Domaine, from 1.
        package let number: Int
        package let words: String
    }
}

extension WhiteList {
    /// The box that serves images at this host, as a RetrieveURL names it.
    package func domain(servingImagesAt host: String) -> Domain? {
        let wanted = host.lowercased()
        return domains.first { $0.db == wanted }
    }

    /// The box whose viewer is at this host.
    package func domain(viewingAt host: String) -> Domain? {
        let wanted = host.lowercased()
        return domains.first { $0.vi == wanted }
    }

    /// The boxes that ask with a certificate of this subject. One operator can have the same for several.
    package func domains(askingAs subject: CertificateName) -> [Domain] {
        domains.filter { $0.certificate == subject }
    }
}
