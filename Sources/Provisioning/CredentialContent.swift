// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import SwiftASN1
import X509

/// What a file that the gateway is to read holds, as far as it can be told before.
package struct CredentialContent: Equatable, Sendable {
    package let kind: CredentialFile.Kind
    package let subject: String?
    package let notAfter: Timestamp?
    package let keyFingerprint: String?

    private static let maximumCertificates = 256
    private static let begin = "-----BEGIN "

    /// - Throws: where it is certainly of no use: empty, too long, PEM that cannot be read, a key behind a pass phrase,
    ///   PKCS #12.
    package init(_ content: [UInt8], of name: String) throws(ProvisioningError) {
        func refusal(_ found: String, _ expected: String) -> ProvisioningError {
            ProvisioningError(.credentialContent, at: name, found: found, expected: expected)
        }
        guard (1...CredentialUpload.longest).contains(content.count) else {
            throw refusal("\(content.count) bytes", "1 to \(CredentialUpload.longest)")
        }
        guard !Self.isPersonalInformationExchange(content) else {
            throw refusal("PKCS #12", "PEM: openssl pkcs12 -in FILE -noenc -out FILE.pem")
        }
        let text = String(decoding: content, as: UTF8.self)
        guard text.contains(Self.begin) else {
            (kind, subject, notAfter, keyFingerprint) = (.other, nil, nil, nil)
            return
        }
        guard !text.contains("BEGIN ENCRYPTED PRIVATE KEY"), !text.contains("Proc-Type: 4,ENCRYPTED") else {
            throw refusal(
                "a private key behind a pass phrase",
                "one without: openssl pkey -in FILE -out FILE.key"
            )
        }
        if text.contains("PRIVATE KEY-----") {
            let key: [UInt8]
            do throws(ProvisioningError) {
                key = try CertificateChain.publicKey(ofPrivateKey: Self.privateKey(in: text))
            } catch {
                throw refusal(error.found, error.expected)
            }
            (kind, subject, notAfter) = (.privateKey, nil, nil)
            keyFingerprint = CertificateChain.fingerprint(key)
        } else if text.contains("-----BEGIN CERTIFICATE-----") {
            let certificates: [Certificate]
            do throws(ProvisioningError) {
                certificates = try CertificateChain.read(
                    CertificateText.certificates(in: content),
                    name: "certificate",
                    maximumCount: Self.maximumCertificates
                )
            } catch {
                throw refusal("\(error.place): \(error.found)", error.expected)
            }
            kind = .certificates
            subject = String(describing: certificates[0].subject)
            notAfter = Timestamp(certificates[0].notValidAfter)
            keyFingerprint = CertificateChain.fingerprint(
                CertificateChain.information(certificates[0].publicKey)
            )
        } else {
            (kind, subject, notAfter, keyFingerprint) = (.other, nil, nil, nil)
        }
    }

    /// The first private key's block alone: parameters of its curve may stand before it.
    private static func privateKey(in text: String) -> String {
        guard let documents = try? PEMDocument.parseMultiple(pemString: text),
            let key = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") })
        else { return text }
        return key.pemString
    }

    /// PFX ::= SEQUENCE { version INTEGER (3), ... } (RFC 7292, 4).
    private static func isPersonalInformationExchange(_ content: [UInt8]) -> Bool {
        guard content.count > 8, content[0] == 0x30 else { return false }
        let length = content[1] < 0x80 ? 0 : Int(content[1] & 0x7F)
        return length <= 4 && Array(content[(2 + length)..<(5 + length)]) == [0x02, 0x01, 0x03]
    }
}
