// SPDX-License-Identifier: Apache-2.0
package import Admin
package import XML

/// Why a list is refused. Every sentence says what was found and what was expected.
package enum WhiteListError: Error, Equatable, Sendable {
    // The document.
    case document(XMLError)
    case root(found: String)
    case version(found: String)
    case generationDate(found: String)
    case domainLists(found: Int)
    // The signature.
    case unsigned
    case signatureCount(found: Int)
    case signaturePlace(found: String)
    case duplicateIdentifier(String)
    case algorithm(XMLError)
    case canonicalization(found: String)
    case signatureForm(XMLError)
    case altered(reference: String)
    case signatureValue
    case key(XMLError)
    case references(found: String, expected: String)
    case transforms(found: [String], of: String)
    case signedProperties(found: String, expected: String)
    case signingCertificate(found: String, expected: String)
    // The signer.
    case signer(found: String, expected: String)
    case keyUsage(found: String)
    case authority(found: String)
    case notYetValid(certificate: String, from: Timestamp, at: Timestamp)
    case expired(certificate: String, since: Timestamp, at: Timestamp)
    case untrusted(issuer: String, authorities: Int, reason: String)
    case revoked(certificate: String, by: String)
    case revocationUnknown(certificate: String, reason: String)
    case authorities(found: String)
    case revocationList(found: String)
    // The times.
    case signedLater(found: Timestamp, at: Timestamp)
    case generatedLater(found: Timestamp, at: Timestamp)
    case older(found: Timestamp, accepted: Timestamp)
}

extension WhiteListError {
    /// A word for programs: the name of the case.
    package var code: String {
        switch self {
        case .document: "document"
        case .root: "root"
        case .version: "version"
        case .generationDate: "generationDate"
        case .domainLists: "domainLists"
        case .unsigned: "unsigned"
        case .signatureCount: "signatureCount"
        case .signaturePlace: "signaturePlace"
        case .duplicateIdentifier: "duplicateIdentifier"
        case .algorithm: "algorithm"
        case .canonicalization: "canonicalization"
        case .signatureForm: "signatureForm"
        case .altered: "altered"
        case .signatureValue: "signatureValue"
        case .key: "key"
        case .references: "references"
        case .transforms: "transforms"
        case .signedProperties: "signedProperties"
        case .signingCertificate: "signingCertificate"
        case .signer: "signer"
        case .keyUsage: "keyUsage"
        case .authority: "authority"
        case .notYetValid: "notYetValid"
        case .expired: "expired"
        case .untrusted: "untrusted"
        case .revoked: "revoked"
        case .revocationUnknown: "revocationUnknown"
        case .authorities: "authorities"
        case .revocationList: "revocationList"
        case .signedLater: "signedLater"
        case .generatedLater: "generatedLater"
        case .older: "older"
        }
    }
}

extension WhiteListError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .document(let error), .algorithm(let error), .signatureForm(let error), .key(let error):
            "\(error)"
        case .root(let found):
            "root element: found \(found), expected ListeBlancheDRIM-M in a known namespace"
        case .version(let found): "versionFormat: found \"\(found)\", expected 1.x"
        case .generationDate(let found):
            "DateDeGeneration: found \"\(found.prefix(40))\", expected a date and time"
        case .domainLists(let found): "ListeDomaines: found \(found), expected one"
        case .unsigned: "signature: found none, expected one"
        case .signatureCount(let found): "signature: found \(found), expected one"
        case .signaturePlace(let found): "signature: found in \(found), expected directly in the root element"
        case .duplicateIdentifier(let id):
            "identifier: found \"\(id.prefix(80))\" on two elements, expected it once"
        case .canonicalization(let found):
            "CanonicalizationMethod: found \(found), expected exclusive canonicalization"
        case .altered(let reference):
            "\(reference): found another digest than the signed one, expected content as it was signed"
        case .signatureValue:
            "SignatureValue: found one that is not of this content and key, expected the signer's"
        case .references(let found, let expected): "references: found \(found), expected \(expected)"
        case .transforms(let found, let reference):
            "transforms of \(reference): found \(found.isEmpty ? "none" : found.joined(separator: " ")), "
                + "expected the signature taken out and exclusive canonicalization"
        case .signedProperties(let found, let expected):
            "signed properties: found \(found), expected \(expected)"
        case .signingCertificate(let found, let expected):
            "signing certificate: found \(found), expected \(expected)"
        case .signer(let found, let expected): "signer: found \(found), expected \(expected)"
        case .keyUsage(let found):
            "key usage of the signer: found \(found), expected digitalSignature or nonRepudiation"
        case .authority(let found):
            "signer: found \(found), an authority, expected a certificate that issues none"
        case .notYetValid(let certificate, let from, let time):
            "certificate \(certificate): found valid from \(from), expected valid at \(time)"
        case .expired(let certificate, let since, let time):
            "certificate \(certificate): found expired at \(since), expected valid at \(time)"
        case .untrusted(let issuer, let authorities, let reason):
            "chain: found issuer \(issuer), expected a way to one of \(authorities) given authorities (\(reason))"
        case .revoked(let certificate, let source):
            "certificate \(certificate): found revoked by \(source), expected not"
        case .revocationUnknown(let certificate, let reason):
            "certificate \(certificate): found nothing of its revocation (\(reason)), expected that it is not revoked"
        case .authorities(let found): "authorities: found \(found), expected certificates in PEM"
        case .revocationList(let found):
            "revocation list: found \(found), expected a complete list (RFC 5280 5) in DER or PEM"
        case .signedLater(let found, let time): "SigningTime: found \(found), expected not after \(time)"
        case .generatedLater(let found, let time):
            "DateDeGeneration: found \(found), expected not after \(time)"
        case .older(let found, let accepted):
            "DateDeGeneration: found \(found), expected not before \(accepted), that of the last accepted list"
        }
    }
}
