// SPDX-License-Identifier: Apache-2.0
import SwiftASN1
import X509

/// The bytes of a certificate that revocation is looked up by (RFC 5280 4.1).
struct CertificateFields {
    /// Without leading zeros.
    let serialNumber: [UInt8]
    /// The INTEGER's content octets as they stand.
    let serialNumberOctets: [UInt8]
    /// Distinguished names, DER.
    let issuer: [UInt8]
    let subject: [UInt8]
    /// subjectPublicKey's octets, and all of SubjectPublicKeyInfo.
    let key: [UInt8]
    let keyInfo: [UInt8]
    /// Names in cRLDistributionPoints, DER of each GeneralName.
    let distributionPoints: Set<[UInt8]>

    init(_ certificate: Certificate) throws {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        try self.init(der: serializer.serializedBytes[...])
    }

    init(der: ArraySlice<UInt8>) throws(DERReader.Malformed) {
        var outer = DERReader(der)
        var certificate = try outer.next(DERReader.Tag.sequence, "a Certificate").reader
        var fields = try certificate.next(DERReader.Tag.sequence, "a TBSCertificate").reader
        _ = try fields.optional(DERReader.Tag.context(0))
        let serial = try fields.next(DERReader.Tag.integer, "a serial number")
        serialNumber = serial.magnitude
        serialNumberOctets = Array(serial.content)
        _ = try fields.next(DERReader.Tag.sequence, "a signature algorithm")
        issuer = Array(try fields.next(DERReader.Tag.sequence, "an issuer").whole)
        _ = try fields.next(DERReader.Tag.sequence, "a validity")
        subject = Array(try fields.next(DERReader.Tag.sequence, "a subject").whole)
        let info = try fields.next(DERReader.Tag.sequence, "a public key")
        keyInfo = Array(info.whole)
        var keyFields = info.reader
        _ = try keyFields.next(DERReader.Tag.sequence, "a key's algorithm")
        key = Array(try keyFields.next(DERReader.Tag.bitString, "a key").bits())
        var points: Set<[UInt8]> = []
        while let field = try fields.next() {
            guard field.tag == DERReader.Tag.context(3) else { continue }
            var tagged = field.reader
            let extensions = try tagged.next(DERReader.Tag.sequence, "extensions")
            try Self.forEachExtension(in: extensions) { oid, _, value throws(DERReader.Malformed) in
                if oid == [0x55, 0x1D, 0x1F] { points = try Self.distributionPoints(value) }
            }
        }
        distributionPoints = points
    }

    /// Calls `body` with OID content octets, criticality and value of each.
    static func forEachExtension(
        in extensions: DERReader.Element,
        _ body: ([UInt8], Bool, ArraySlice<UInt8>) throws(DERReader.Malformed) -> Void
    ) throws(DERReader.Malformed) {
        var reader = extensions.reader
        while let element = try reader.next() {
            var fields = element.reader
            let oid = try fields.next(DERReader.Tag.objectIdentifier, "an extension's OID").content
            let isCritical = try fields.optional(DERReader.Tag.boolean)?.content.first ?? 0 != 0
            let value = try fields.next(DERReader.Tag.octetString, "an extension's value").content
            try body(Array(oid), isCritical, value)
        }
    }

    /// RFC 5280 4.2.1.13.
    private static func distributionPoints(
        _ value: ArraySlice<UInt8>
    ) throws(DERReader.Malformed) -> Set<[UInt8]> {
        var outer = DERReader(value)
        var points = try outer.next(DERReader.Tag.sequence, "CRLDistributionPoints").reader
        var names: Set<[UInt8]> = []
        while let point = try points.next() {
            var fields = point.reader
            if let name = try fields.optional(DERReader.Tag.context(0)) {
                names.formUnion(try fullNames(name))
            }
        }
        return names
    }

    /// The GeneralNames of a DistributionPointName.
    static func fullNames(_ distributionPoint: DERReader.Element) throws(DERReader.Malformed) -> Set<[UInt8]>
    {
        var names: Set<[UInt8]> = []
        var choice = distributionPoint.reader
        guard var list = try choice.next()?.reader else { return [] }
        while let name = try list.next() { names.insert(Array(name.whole)) }
        return names
    }
}
