// SPDX-License-Identifier: Apache-2.0
import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// CertID with SHA-1, which every responder knows (RFC 5019 2.1.1).
struct OCSPCertID: Hashable, Sendable {
    let issuerNameHash: [UInt8]
    let issuerKeyHash: [UInt8]
    let serialNumber: [UInt8]

    init(_ leaf: CertificateFields, issuer: CertificateFields) {
        issuerNameHash = Array(Insecure.SHA1.hash(data: issuer.subject))
        issuerKeyHash = Array(Insecure.SHA1.hash(data: issuer.key))
        serialNumber = leaf.serialNumberOctets
    }

    fileprivate init?(_ element: DERReader.Element) throws(DERReader.Malformed) {
        var fields = element.reader
        let algorithm = try fields.next(DERReader.Tag.sequence, "a hash algorithm").content
        issuerNameHash = Array(try fields.next(DERReader.Tag.octetString, "issuerNameHash").content)
        issuerKeyHash = Array(try fields.next(DERReader.Tag.octetString, "issuerKeyHash").content)
        serialNumber = Array(try fields.next(DERReader.Tag.integer, "serialNumber").content)
        guard algorithm.starts(with: Self.sha1) else { return nil }
    }

    private static let sha1: [UInt8] = [0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A]

    /// An OCSPRequest for this certificate alone, DER.
    func encodeRequest() -> [UInt8] {
        func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
            let count = content.count
            if count < 0x80 { return [tag, UInt8(count)] + content }
            if count < 0x100 { return [tag, 0x81, UInt8(count)] + content }
            return [tag, 0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
                + content
        }
        let algorithm = element(0x30, Self.sha1 + [0x05, 0x00])
        let certID = element(
            0x30,
            algorithm + element(0x04, issuerNameHash) + element(0x04, issuerKeyHash)
                + element(0x02, serialNumber)
        )
        // OCSPRequest { tbsRequest { requestList { Request { reqCert } } } }
        return element(0x30, element(0x30, element(0x30, element(0x30, certID))))
    }
}

/// What a responder says of one certificate (RFC 6960 4.2), its signature proved.
struct OCSPAnswer: Sendable {
    enum Status: Sendable { case good, revoked, unknown }

    let status: Status
    /// Seconds since 1970.
    let thisUpdate: Int64
    let nextUpdate: Int64?

    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    /// Reads an OCSPResponse and takes what it says of `certID`.
    init(
        _ response: [UInt8],
        for certID: OCSPCertID,
        issuer: Certificate,
        issuerName: [UInt8],
        now: Int64
    ) throws(Unusable) {
        do throws(DERReader.Malformed) {
            let basic = try Self.basicResponse(response)
            var reader = DERReader(basic)
            var fields = try reader.next(DERReader.Tag.sequence, "a BasicOCSPResponse").reader
            let signed = try SignedDER(&fields)
            let certificates = try Self.certificates(fields.optional(DERReader.Tag.context(0)))
            guard Self.isSigned(signed, by: issuer, issuerName, or: certificates, now) else {
                throw DERReader.Malformed(
                    expected: "the signature of the issuer or of a responder it authorised"
                )
            }
            self = try Self.single(signed.content, certID)
        } catch {
            throw Unusable(description: "OCSP response: expected \(error.expected)")
        }
    }

    private init(status: Status, thisUpdate: Int64, nextUpdate: Int64?) {
        self.status = status
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
    }

    private static func basicResponse(_ response: [UInt8]) throws(DERReader.Malformed) -> ArraySlice<UInt8> {
        var outer = DERReader(response[...])
        var fields = try outer.next(DERReader.Tag.sequence, "an OCSPResponse").reader
        let status = try fields.next(DERReader.Tag.enumerated, "a status").content
        guard status.elementsEqual([0]) else {
            throw DERReader.Malformed(expected: "status successful, found \(status.first ?? 0)")
        }
        var tagged = try fields.next(DERReader.Tag.context(0), "a response").reader
        var bytes = try tagged.next(DERReader.Tag.sequence, "ResponseBytes").reader
        _ = try bytes.next(DERReader.Tag.objectIdentifier, "a response type")
        return try bytes.next(DERReader.Tag.octetString, "a response").content
    }

    private static func certificates(
        _ tagged: DERReader.Element?
    ) throws(DERReader.Malformed) -> [ArraySlice<UInt8>] {
        guard var reader = tagged?.reader else { return [] }
        var list = try reader.next(DERReader.Tag.sequence, "certificates").reader
        var certificates: [ArraySlice<UInt8>] = []
        while let certificate = try list.next(), certificates.count < 8 {
            certificates.append(certificate.whole)
        }
        return certificates
    }

    /// The issuer itself, or a certificate that it signed for this purpose (RFC 6960 4.2.2.2).
    private static func isSigned(
        _ signed: SignedDER,
        by issuer: Certificate,
        _ issuerName: [UInt8],
        or certificates: [ArraySlice<UInt8>],
        _ now: Int64
    ) -> Bool {
        if signed.isSigned(by: issuer.publicKey) { return true }
        return certificates.contains { der in
            guard let certificate = try? Certificate(derEncoded: Array(der)),
                let fields = try? CertificateFields(der: der), fields.issuer == issuerName,
                (try? certificate.extensions.extendedKeyUsage)?.contains(.ocspSigning) == true,
                issuer.publicKey.isValidSignature(certificate.signature, for: certificate),
                Int64(certificate.notValidBefore.timeIntervalSince1970) <= now,
                Int64(certificate.notValidAfter.timeIntervalSince1970) >= now
            else { return false }
            return signed.isSigned(by: certificate.publicKey)
        }
    }

    private static func single(
        _ responseData: ArraySlice<UInt8>,
        _ certID: OCSPCertID
    ) throws(DERReader.Malformed) -> OCSPAnswer {
        var outer = DERReader(responseData)
        var fields = try outer.next(DERReader.Tag.sequence, "ResponseData").reader
        _ = try fields.optional(DERReader.Tag.context(0))
        _ = try fields.optional(DERReader.Tag.context(1), DERReader.Tag.context(2))
        _ = try fields.next(DERReader.Tag.generalizedTime, "producedAt")
        var responses = try fields.next(DERReader.Tag.sequence, "responses").reader
        while let response = try responses.next() {
            var single = response.reader
            let id = try OCSPCertID(single.next(DERReader.Tag.sequence, "a CertID"))
            guard id == certID else { continue }
            guard let choice = try single.next() else { throw DERReader.Malformed(expected: "a certStatus") }
            let thisUpdate = try single.next(DERReader.Tag.generalizedTime, "thisUpdate").seconds()
            var nextUpdate: Int64?
            if var tagged = try single.optional(DERReader.Tag.context(0))?.reader {
                nextUpdate = try tagged.next(DERReader.Tag.generalizedTime, "nextUpdate").seconds()
            }
            let status: Status
            switch choice.tag & 0x1F {
            case 0: status = .good
            case 1: status = .revoked
            default: status = .unknown
            }
            return OCSPAnswer(status: status, thisUpdate: thisUpdate, nextUpdate: nextUpdate)
        }
        throw DERReader.Malformed(expected: "a response for the certificate that was asked for")
    }
}
