// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Linux
import SwiftASN1
import X509

/// Revocation lists (RFC 5280 5) that answer for the certificates of their issuers.
///
/// Only complete lists count. One of some reasons or places, an indirect one and a difference to another are not
/// usable, because what they do not name may be revoked all the same.
package struct RevocationLists: Sendable {
    private let lists: [RevocationList]

    /// - Parameter lists: each in DER, or one in PEM.
    /// - Throws: `revocationList`.
    package init(_ lists: [[UInt8]]) throws(WhiteListError) {
        var read: [RevocationList] = []
        for bytes in lists {
            guard let list = try? RevocationList(bytes) else {
                throw .revocationList(found: "\(bytes.count) bytes that are no usable list")
            }
            read.append(list)
        }
        self.lists = read
    }

    /// For a `WhiteListVerifier`.
    package var check: WhiteListVerifier.RevocationCheck {
        { certificate, issuer, time in answer(certificate, issuer: issuer, at: time) }
    }

    /// As a `WhiteListVerifier` asks. A list that names the certificate decides, however old it is; a list that was
    /// due to be replaced says nothing else.
    package func answer(_ certificate: [UInt8], issuer: [UInt8], at time: Timestamp)
        -> WhiteListVerifier.Revocation
    {
        guard let leaf = try? Certificate(derEncoded: certificate),
            let issuer = try? Certificate(derEncoded: issuer)
        else { return .unknown("a certificate cannot be read") }
        var reason = "no list of \(leaf.issuer)"
        var isGood = false
        for list in lists where list.issuer == leaf.issuer {
            guard list.isSigned(by: issuer) else {
                reason = "a list is not signed by \(issuer.subject)"
                continue
            }
            if list.serialNumbers.contains(leaf.serialNumber) {
                return .revoked(by: "the list of \(list.thisUpdate) by \(list.issuer)")
            }
            if let next = list.nextUpdate, next < time {
                reason = "the list should have been replaced at \(next)"
            } else {
                isGood = true
            }
        }
        return isGood ? .good : .unknown(reason)
    }
}

private struct RevocationList: Sendable {
    let issuer: DistinguishedName
    let thisUpdate: Timestamp
    let nextUpdate: Timestamp?
    let serialNumbers: Set<Certificate.SerialNumber>
    private let content: [UInt8]
    private let algorithm: ASN1ObjectIdentifier
    private let signature: [UInt8]

    private static let algorithms: [ASN1ObjectIdentifier: Certificate.SignatureAlgorithm] = [
        [1, 2, 840, 113549, 1, 1, 11]: .sha256WithRSAEncryption,
        [1, 2, 840, 113549, 1, 1, 12]: .sha384WithRSAEncryption,
        [1, 2, 840, 113549, 1, 1, 13]: .sha512WithRSAEncryption,
        [1, 2, 840, 10045, 4, 3, 2]: .ecdsaWithSHA256,
        [1, 2, 840, 10045, 4, 3, 3]: .ecdsaWithSHA384,
        [1, 2, 840, 10045, 4, 3, 4]: .ecdsaWithSHA512,
    ]

    init(_ bytes: [UInt8]) throws {
        var der = bytes
        if bytes.starts(with: "-----BEGIN".utf8) {
            der = try PEMDocument(pemString: String(decoding: bytes, as: UTF8.self)).derBytes
        }
        let (list, algorithm, signature) = try DER.sequence(try DER.parse(der), identifier: .sequence) {
            fields in
            guard let list = fields.next(), let identifier = fields.next() else { throw Self.incomplete }
            let signature = try ASN1BitString(derEncoded: &fields)
            return (list, try Self.first(of: identifier), signature)
        }
        content = Array(list.encodedBytes)
        self.algorithm = algorithm
        self.signature = Array(signature.bytes)
        (issuer, thisUpdate, nextUpdate, serialNumbers) = try DER.sequence(
            list,
            identifier: .sequence,
            Self.fields
        )
    }

    func isSigned(by authority: Certificate) -> Bool {
        guard let algorithm = Self.algorithms[algorithm] else { return false }
        let maySign = (try? authority.extensions.keyUsage)?.cRLSign ?? true
        return maySign
            && authority.publicKey.isValidSignature(signature, for: content, signatureAlgorithm: algorithm)
    }

    private static var incomplete: ASN1Error { .invalidASN1Object(reason: "a field is missing") }

    /// TBSCertList.
    private static func fields(
        _ nodes: inout ASN1NodeCollection.Iterator
    ) throws -> (DistinguishedName, Timestamp, Timestamp?, Set<Certificate.SerialNumber>) {
        var next = nodes.next()
        if next?.identifier == .integer { next = nodes.next() }
        guard next?.identifier == .sequence else { throw incomplete }
        guard let name = nodes.next() else { throw incomplete }
        let issuer = try DistinguishedName(derEncoded: name)
        guard let updated = nodes.next(), let thisUpdate = try time(updated) else { throw incomplete }
        next = nodes.next()
        var nextUpdate: Timestamp?
        if let node = next, let found = try time(node) {
            nextUpdate = found
            next = nodes.next()
        }
        var numbers: Set<Certificate.SerialNumber> = []
        if let node = next, node.identifier == .sequence {
            try DER.sequence(node, identifier: .sequence) { entries in
                while let entry = entries.next() { numbers.insert(try number(entry)) }
            }
            next = nodes.next()
        }
        if let node = next {
            try DER.explicitlyTagged(node, tagNumber: 0, tagClass: .contextSpecific) {
                try checkExtensions($0)
            }
        }
        return (issuer, thisUpdate, nextUpdate, numbers)
    }

    private static func number(_ entry: ASN1Node) throws -> Certificate.SerialNumber {
        try DER.sequence(entry, identifier: .sequence) { fields in
            let number = try ArraySlice<UInt8>(derEncoded: &fields)
            _ = fields.next()
            // id-ce-cRLReason and id-ce-invalidityDate say nothing about whose certificate it is.
            if let extensions = fields.next() {
                try checkExtensions(extensions, known: [[2, 5, 29, 21], [2, 5, 29, 24]])
            }
            return Certificate.SerialNumber(bytes: number)
        }
    }

    /// Refuses what limits a list, and what is critical and not known.
    private static func checkExtensions(_ node: ASN1Node, known: [ASN1ObjectIdentifier] = []) throws {
        try DER.sequence(node, identifier: .sequence) { extensions in
            while let entry = extensions.next() {
                try DER.sequence(entry, identifier: .sequence) { fields in
                    let name = try ASN1ObjectIdentifier(derEncoded: &fields)
                    let isCritical = try DER.decodeDefault(&fields, defaultValue: false)
                    _ = fields.next()
                    // deltaCRLIndicator and issuingDistributionPoint.
                    let limits: [ASN1ObjectIdentifier] = [[2, 5, 29, 27], [2, 5, 29, 28]]
                    guard !limits.contains(name), !isCritical || known.contains(name) else {
                        throw ASN1Error.invalidASN1Object(reason: "extension \(name) is not understood")
                    }
                }
            }
        }
    }

    private static func first(of node: ASN1Node) throws -> ASN1ObjectIdentifier {
        try DER.sequence(node, identifier: .sequence) { fields in
            let identifier = try ASN1ObjectIdentifier(derEncoded: &fields)
            while fields.next() != nil {}
            return identifier
        }
    }

    /// Nil where the node is no time.
    private static func time(_ node: ASN1Node) throws -> Timestamp? {
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        func text(_ year: Int, _ parts: [Int]) -> Timestamp? {
            let two = parts.map(padded)
            return Timestamp("\(year)-\(two[0])-\(two[1])T\(two[2]):\(two[3]):\(two[4])Z")
        }
        switch node.identifier {
        case .utcTime:
            let time = try UTCTime(derEncoded: node)
            return text(time.year, [time.month, time.day, time.hours, time.minutes, time.seconds])
        case .generalizedTime:
            let time = try GeneralizedTime(derEncoded: node)
            return text(time.year, [time.month, time.day, time.hours, time.minutes, time.seconds])
        default: return nil
        }
    }
}
