// SPDX-License-Identifier: Apache-2.0

/// The few ASN.1 structures made here, in DER (X.690).
enum DER {
    // Object identifiers, encoded: 2.5.4.3, 2.5.4.10, 2.5.4.11 (X.520).
    static let commonName: [UInt8] = [0x55, 0x04, 0x03]
    static let organization: [UInt8] = [0x55, 0x04, 0x0A]
    static let organizationalUnit: [UInt8] = [0x55, 0x04, 0x0B]
    /// 1.2.840.10045.2.1 (RFC 5480)
    private static let ellipticCurveKey: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
    /// 1.2.840.10045.3.1.7 (RFC 5480)
    private static let p256: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    /// 1.2.840.10045.4.3.2 (RFC 5758)
    private static let ecdsaWithSHA256: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]

    private enum Tag {
        static let integer: UInt8 = 0x02
        static let bitString: UInt8 = 0x03
        static let objectIdentifier: UInt8 = 0x06
        static let utf8String: UInt8 = 0x0C
        static let sequence: UInt8 = 0x30
        static let set: UInt8 = 0x31
        static let attributes: UInt8 = 0xA0
    }

    /// SubjectPublicKeyInfo (RFC 5480, 2) of an uncompressed point of P-256.
    static func publicKey(point: [UInt8]) -> [UInt8] {
        sequence(
            sequence(element(Tag.objectIdentifier, ellipticCurveKey), element(Tag.objectIdentifier, p256)),
            bitString(point)
        )
    }

    /// ECDSA-Sig-Value (RFC 3279, 2.2.3) of r and s, one behind the other, as long as each other.
    static func signature(_ bytes: [UInt8]) -> [UInt8] {
        sequence(integer(bytes.prefix(bytes.count / 2)), integer(bytes.suffix(bytes.count / 2)))
    }

    /// x and y of a key of P-256, 32 bytes each, from its SubjectPublicKeyInfo with an uncompressed point; nil where it
    /// is anything else.
    static func coordinates(of publicKey: [UInt8]) -> [UInt8]? {
        let point = Array(publicKey.suffix(65))
        guard point.count == 65, point[0] == 4, self.publicKey(point: point) == publicKey else { return nil }
        return Array(point.dropFirst())
    }

    /// r and s, 32 bytes each, of an ECDSA-Sig-Value of P-256; nil where it is anything else.
    static func numbers(of signature: [UInt8]) -> [UInt8]? {
        guard signature.count > 2, signature[0] == Tag.sequence else { return nil }
        var rest = signature.dropFirst(2)
        var numbers: [UInt8] = []
        for _ in 0..<2 {
            guard rest.popFirst() == Tag.integer, let count = rest.popFirst(), count <= 33,
                rest.count >= count
            else { return nil }
            let digits = rest.prefix(Int(count)).drop { $0 == 0 }
            guard digits.count <= 32 else { return nil }
            numbers += [UInt8](repeating: 0, count: 32 - digits.count) + digits
            rest = rest.dropFirst(Int(count))
        }
        // Only one encoding is DER.
        return self.signature(numbers) == signature ? numbers : nil
    }

    /// CertificationRequestInfo (RFC 2986, 4.1) without attributes.
    static func certificationRequestInformation(
        subject: [(type: [UInt8], value: String)],
        publicKey: [UInt8]
    ) -> [UInt8] {
        let names = subject.map { attribute in
            element(
                Tag.set,
                sequence(
                    element(Tag.objectIdentifier, attribute.type),
                    element(Tag.utf8String, Array(attribute.value.utf8))
                )
            )
        }
        return sequence(
            integer([0]),
            element(Tag.sequence, names.flatMap { $0 }),
            publicKey,
            element(Tag.attributes, [])
        )
    }

    /// CertificationRequest (RFC 2986, 4.2), signed with ECDSA and SHA-256.
    static func certificationRequest(information: [UInt8], signature: [UInt8]) -> [UInt8] {
        sequence(
            information,
            sequence(element(Tag.objectIdentifier, ecdsaWithSHA256)),
            bitString(signature)
        )
    }

    /// The SEQUENCE at the beginning of `bytes`, without what is behind it; nil where there is none.
    static func firstElement(of bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > 2, bytes[0] == Tag.sequence else { return nil }
        var count = Int(bytes[1])
        var start = 2
        if count >= 0x80 {
            let digits = count - 0x80
            guard (1...2).contains(digits), bytes.count >= 2 + digits else { return nil }
            count = bytes[2..<2 + digits].reduce(0) { $0 << 8 | Int($1) }
            start += digits
        }
        return bytes.count >= start + count ? Array(bytes[..<(start + count)]) : nil
    }

    /// An unsigned number, most significant byte first.
    static func integer(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var digits = Array(bytes.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return element(Tag.integer, digits)
    }

    private static func bitString(_ bytes: [UInt8]) -> [UInt8] {
        element(Tag.bitString, [0] + bytes)
    }

    private static func sequence(_ elements: [UInt8]...) -> [UInt8] {
        element(Tag.sequence, elements.flatMap { $0 })
    }

    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 0x80 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }
}
