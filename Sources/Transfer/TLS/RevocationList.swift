// SPDX-License-Identifier: Apache-2.0
import Linux
import SwiftASN1
import Synchronization
import X509

/// One complete certificate revocation list (RFC 5280 5). Indirect lists, lists of some reasons only and delta
/// lists are refused when they are read, because what they do not name may be revoked all the same.
final class RevocationList: Sendable {
    static let maximumLength = 64 << 20

    let path: String
    /// Seconds since 1970.
    let thisUpdate: Int64
    let nextUpdate: Int64?
    /// The issuer's distinguished name, DER.
    let issuer: [UInt8]
    /// `distributionPoint` names that the list is limited to; everything of the issuer where it is empty.
    let distributionPoints: Set<[UInt8]>
    private let serialNumbers: Set<[UInt8]>
    private let signed: SignedDER
    /// Keys (SubjectPublicKeyInfo) that were tried, and whether they had signed.
    private let tried = Mutex<[[UInt8]: Bool]>([:])

    convenience init(file path: String) throws(TLSFileError) {
        let content: [UInt8]
        do throws(SystemCallError) { content = try readFile(path, limit: Self.maximumLength) } catch {
            throw TLSFileError(path: path, found: "\(error)", expected: "a certificate revocation list")
        }
        try self.init(content, path: path)
    }

    /// `content` is DER, or PEM with one list.
    init(_ content: [UInt8], path: String) throws(TLSFileError) {
        do {
            var bytes = content
            if content.starts(with: "-----BEGIN".utf8) {
                bytes = try PEMDocument(pemString: String(decoding: content, as: UTF8.self)).derBytes
            }
            var outer = DERReader(bytes[...])
            var list = try outer.next(DERReader.Tag.sequence, "a CertificateList").reader
            signed = try SignedDER(&list)
            var whole = DERReader(signed.content)
            var fields = try whole.next(DERReader.Tag.sequence, "a TBSCertList").reader
            _ = try fields.optional(DERReader.Tag.integer)
            _ = try fields.next(DERReader.Tag.sequence, "a signature algorithm")
            issuer = Array(try fields.next(DERReader.Tag.sequence, "an issuer").whole)
            guard let first = try fields.next() else { throw DERReader.Malformed(expected: "thisUpdate") }
            thisUpdate = try first.seconds()
            nextUpdate = try fields.optional(DERReader.Tag.utcTime, DERReader.Tag.generalizedTime)?.seconds()
            serialNumbers = try Self.serialNumbers(fields.optional(DERReader.Tag.sequence))
            distributionPoints = try Self.scope(fields.optional(DERReader.Tag.context(0)))
        } catch {
            let cause = (error as? DERReader.Malformed)?.expected ?? "DER or PEM"
            throw TLSFileError(
                path: path,
                found: "no usable certificate revocation list",
                expected: "a complete list (RFC 5280 5): \(cause)"
            )
        }
        self.path = path
    }

    func names(_ serialNumber: [UInt8]) -> Bool {
        serialNumbers.contains(serialNumber)
    }

    func isSigned(by issuer: Certificate, key: [UInt8]) -> Bool {
        if let known = tried.withLock({ $0[key] }) { return known }
        let mayHaveSigned = (try? issuer.extensions.keyUsage)?.cRLSign ?? true
        let hasSigned = mayHaveSigned && signed.isSigned(by: issuer.publicKey)
        tried.withLock {
            if $0.count > 64 { $0 = [:] }
            $0[key] = hasSigned
        }
        return hasSigned
    }

    private static func serialNumbers(
        _ revoked: DERReader.Element?
    ) throws(DERReader.Malformed) -> Set<[UInt8]> {
        var serialNumbers: Set<[UInt8]> = []
        guard var entries = revoked?.reader else { return [] }
        while let entry = try entries.next() {
            var fields = entry.reader
            serialNumbers.insert(try fields.next(DERReader.Tag.integer, "a serial number").magnitude)
            _ = try fields.next()
            guard let extensions = try fields.optional(DERReader.Tag.sequence) else { continue }
            try CertificateFields.forEachExtension(in: extensions) {
                oid,
                isCritical,
                _ throws(DERReader.Malformed) in
                // id-ce-cRLReason and id-ce-invalidityDate say nothing about whose certificate it is.
                if isCritical, oid != [0x55, 0x1D, 0x15], oid != [0x55, 0x1D, 0x18] {
                    throw DERReader.Malformed(expected: "no critical extension of an entry")
                }
            }
        }
        return serialNumbers
    }

    private static func scope(_ tagged: DERReader.Element?) throws(DERReader.Malformed) -> Set<[UInt8]> {
        guard var reader = tagged?.reader else { return [] }
        var points: Set<[UInt8]> = []
        let extensions = try reader.next(DERReader.Tag.sequence, "extensions")
        try CertificateFields.forEachExtension(in: extensions) {
            oid,
            isCritical,
            value throws(DERReader.Malformed) in
            switch oid {
            case [0x55, 0x1D, 0x1C]: points = try issuingDistributionPoint(value)
            case [0x55, 0x1D, 0x1B]: throw DERReader.Malformed(expected: "no delta list")
            default:
                if isCritical { throw DERReader.Malformed(expected: "no unknown critical extension") }
            }
        }
        return points
    }

    /// RFC 5280 5.2.5.
    private static func issuingDistributionPoint(
        _ value: ArraySlice<UInt8>
    ) throws(DERReader.Malformed) -> Set<[UInt8]> {
        var outer = DERReader(value)
        var fields = try outer.next(DERReader.Tag.sequence, "an IssuingDistributionPoint").reader
        var points: Set<[UInt8]> = []
        while let field = try fields.next() {
            switch field.tag {
            case DERReader.Tag.context(0): points = try CertificateFields.fullNames(field)
            // onlyContainsUserCerts: those are what is asked for.
            case 0x81: break
            default: throw DERReader.Malformed(expected: "a list of user certificates for all reasons")
            }
        }
        return points
    }
}
