// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import SwiftASN1
import Testing
import X509

@testable import Provisioning

private let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))

@Suite("A certificate chain is the box's, or is refused for a named reason") struct CertificateChainTests {
    private let key = P256.Signing.PrivateKey()
    private var publicKey: [UInt8] { Array(key.publicKey.derRepresentation) }

    private func code(_ chain: String, _ authorities: String, key: [UInt8]? = nil, at time: Timestamp = now)
        async
        -> ProvisioningError.Code?
    {
        do {
            try await CertificateChain(pem: chain).check(
                publicKey: key ?? publicKey,
                authorities: authorities,
                now: time
            )
            return nil
        } catch {
            return error.code
        }
    }

    @Test("leaf and intermediate below a required authority, with or without the root") func good()
        async throws
    {
        let root = try TestAuthority()
        let middle = try TestAuthority("Issuing", signedBy: root)
        let leaf = try middle.issue(for: key.publicKey)
        let chain = try CertificateChain(pem: try pem(leaf, middle.certificate))
        let summary = try await chain.check(publicKey: publicKey, authorities: root.pem, now: now)
        #expect(
            summary.subject == "CN=DRX-0042" && summary.issuer == "CN=Issuing" && summary.certificates == 2
        )
        #expect(await code(try pem(leaf, middle.certificate, root.certificate), root.pem) == nil)
        #expect(try CertificateChain(pem: chain.pem).certificates == chain.certificates)
    }

    @Test("a key from wherever is the same SubjectPublicKeyInfo") func keys() throws {
        #expect(try CertificateChain.publicKey(ofPrivateKey: key.pemRepresentation) == publicKey)
        let leaf = try TestAuthority().issue(for: key.publicKey)
        #expect(try CertificateChain(pem: try pem(leaf)).publicKey == publicKey)
        let request = try CertificateSigningRequest(
            version: .v1,
            subject: leaf.subject,
            privateKey: .init(key),
            attributes: .init(),
            signatureAlgorithm: .ecdsaWithSHA256
        )
        #expect(CertificateChain.publicKey(ofRequest: try request.serializeAsPEM().pemString) == publicKey)
        #expect(throws: ProvisioningError.self) { try CertificateChain.publicKey(ofPrivateKey: "nothing") }
    }

    @Test("what is wrong has its code") func wrong() async throws {
        let root = try TestAuthority()
        let middle = try TestAuthority("Issuing", signedBy: root)
        let leaf = try middle.issue(for: key.publicKey)
        let stranger = try TestAuthority()
        let forged = try TestAuthority("Issuing", signedBy: root)
        #expect(await code("", root.pem) == .certificatePEM)
        #expect(await code("hello", root.pem) == .certificatePEM)
        #expect(await code(key.pemRepresentation, root.pem) == .certificatePEM)
        #expect(await code(try pem(leaf) + key.pemRepresentation, root.pem) == .certificatePEM)
        #expect(await code(try pem(middle.certificate, leaf), root.pem) == .certificateKey)
        #expect(await code(try pem(leaf, root.certificate), root.pem) == .certificateOrder)
        #expect(await code(try pem(leaf, forged.certificate), root.pem) == .certificateOrder)
        #expect(await code(try pem(leaf), root.pem) == .certificateAnchor)
        #expect(await code(try pem(leaf, middle.certificate), stranger.pem) == .certificateAnchor)
        #expect(await code(try pem(leaf, middle.certificate), "") == .certificatePEM)
        let other = Array(P256.Signing.PrivateKey().publicKey.derRepresentation)
        #expect(await code(try pem(leaf, middle.certificate), root.pem, key: other) == .certificateKey)
        let old = try middle.issue(for: key.publicKey, days: -60 ... -1)
        #expect(await code(try pem(old, middle.certificate), root.pem) == .certificateValidity)
        let early = try middle.issue(for: key.publicKey, days: 1...60)
        #expect(await code(try pem(early, middle.certificate), root.pem) == .certificateValidity)
        let mail = try middle.issue(for: key.publicKey, usage: .emailProtection)
        #expect(await code(try pem(mail, middle.certificate), root.pem) == .certificatePurpose)
        let authority = Array(middle.key.publicKey.derRepresentation)
        #expect(await code(middle.pem, root.pem, key: authority) == .certificatePurpose)
    }

    @Test("an intermediate that ends first ends the chain") func intermediate() async throws {
        let root = try TestAuthority()
        let middle = try TestAuthority("Issuing", signedBy: root, days: -10...10)
        let chain = try pem(try middle.issue(for: key.publicKey), middle.certificate)
        #expect(await code(chain, root.pem) == nil)
        let later = Timestamp(milliseconds: now.milliseconds + 11 * 86_400_000)
        #expect(await code(chain, root.pem, at: later) == .certificateValidity)
        let days =
            Double(try CertificateChain(pem: chain).summary.notAfter.milliseconds - now.milliseconds)
            / 86_400_000
        #expect(abs(days - 10) < 0.1)
    }

    @Test("changed bytes never trap") func mutated() async throws {
        let root = try TestAuthority()
        let good = Array(try pem(try root.issue(for: key.publicKey), root.certificate).utf8)
        var generator = SeededGenerator(seed: 7)
        var refused = 0
        for _ in 0..<300 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: 0x20...0x7E,
                    using: &generator
                )
            }
            if await code(String(decoding: bytes, as: UTF8.self), root.pem) != nil { refused += 1 }
        }
        #expect(refused > 250)
    }
}

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Certificates that end are told of in time") struct CertificateExpiryTests {
    private func codes(_ text: String, areAuthorities: Bool = false, name: String = "dicom") -> [String] {
        let reading = CertificateExpiry.Reading(
            name: name,
            path: "/x.pem",
            areAuthorities: areAuthorities,
            content: .success(text)
        )
        return CertificateExpiry.issues(of: [reading], now: now).map(\.code)
    }

    @Test(
        "60, 30 and 7 days, and after the end",
        arguments: [
            (90.0, nil), (60.5, nil), (59.5, "W-CERT-04"), (30.5, "W-CERT-04"), (29.5, "W-CERT-03"),
            (7.5, "W-CERT-03"), (6.5, "E-CERT-02"), (0.5, "E-CERT-02"), (-0.5, "E-CERT-01"),
        ] as [(Double, String?)]
    )
    func steps(days: Double, code: String?) throws {
        let leaf = try TestAuthority().issue(for: P256.Signing.PrivateKey().publicKey, days: -20...days)
        #expect(codes(try pem(leaf)) == (code.map { ["\($0):dicom"] } ?? []))
    }

    @Test("of a chain the first end counts, of authorities the last") func several() throws {
        let short = try TestAuthority("A", days: -20...5).certificate
        let long = try TestAuthority("B").certificate
        #expect(codes(try pem(long, short)) == ["E-CERT-02:dicom"])
        #expect(codes(try pem(long, short), areAuthorities: true) == [])
        #expect(codes(try pem(short, short), areAuthorities: true) == ["E-CERT-02:dicom"])
    }

    @Test("one that cannot be read, or is not valid yet, is an issue too") func others() throws {
        #expect(codes("nothing") == ["E-CERT-05:dicom"])
        let early = try TestAuthority().issue(for: P256.Signing.PrivateKey().publicKey, days: 2...300)
        #expect(codes(try pem(early)) == ["W-CERT-06:dicom"])
    }
}
