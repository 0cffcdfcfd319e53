// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import WhiteList

@Suite(
    "The agency's signed test list",
    .enabled(if: Samples.areThere, "needs the sample documents (DRIMBOX_SAMPLES)")
)
struct OfficialSampleTests {
    private let document: String
    /// Root and intermediate of the test environment of IGC-Santé.
    private let authorities: [String]
    private let time = Timestamp(milliseconds: 1_730_000_000_000)

    init() throws {
        document = try String(contentsOf: Samples.list, encoding: .utf8)
        authorities = try Samples.authorities()
    }

    private func refused(_ text: String, at time: Timestamp? = nil, trusting pem: [String]? = nil) async
        -> WhiteListError?
    {
        await refusal { () async throws(WhiteListError) in
            _ = try await WhiteListVerifier(authorities: pem ?? [authorities[1]])
                .verify(Array(text.utf8), at: time ?? self.time)
        }
    }

    @Test("it is accepted by its intermediate authority, and by both") func accepted() async throws {
        try #require(authorities.count == 2)
        for pem in [[authorities[1]], authorities] {
            let signed = try await WhiteListVerifier(authorities: pem).verify(Array(document.utf8), at: time)
            #expect(signed.list.generated == Timestamp("2024-04-22T11:08:12Z"))
            #expect(signed.signingTime == Timestamp("2024-07-12T05:37:19Z"))
            #expect(signed.list.domains.count == 6)
            #expect(signed.list.unusable.isEmpty)
            #expect(
                signed.list.domain(servingImagesAt: "db2.867.mesimagesmedicales.fr")?.operatorIdentifier
                    == "3"
            )
            let name = try #require(
                CertificateName(
                    "C=FR, ST=Lyon(69), O=editeur, OU=31954523700765, CN=db1.867.mesimagesmedicales.fr"
                )
            )
            #expect(signed.list.domains(askingAs: name).map(\.vi) == ["vi1.867.mesimagesmedicales.fr"])
        }
        // KeyInfo has the signer's certificate alone.
        #expect(await refused(document, trusting: [authorities[0]])?.code == "untrusted")
    }

    @Test("the revocation list of its time says that its signer was not revoked") func revocation()
        async throws
    {
        let lists = try RevocationLists([try Samples.revocationList()])
        let verifier = try WhiteListVerifier(
            authorities: [authorities[1]],
            revocation: lists.check
        )
        let then = try #require(Timestamp("2024-07-12T07:05:27Z"))
        #expect(try await verifier.verify(Array(document.utf8), at: then).isRevocationChecked)
        let error = await refusal { () async throws(WhiteListError) in
            _ = try await verifier.verify(Array(document.utf8), at: time)
        }
        #expect(error?.code == "revocationUnknown")
        #expect("\(try #require(error))".contains("should have been replaced at 2024-07-16T22:00:00.000Z"))
    }

    @Test("its variants are refused, each for its reason") func refused() async throws {
        #expect(await refused(try String(contentsOf: Samples.unsigned, encoding: .utf8)) == .unsigned)
        #expect(await refused(document.replacing("<db>db1.111", with: "<db>db1.999"))?.code == "altered")
        #expect(await refused(document.replacing("05:37:19Z", with: "05:37:18Z"))?.code == "altered")
        #expect(await refused(document, at: Timestamp("2027-01-01T00:00:00Z"))?.code == "expired")
        #expect(await refused(document, at: Timestamp("2023-01-01T00:00:00Z"))?.code == "notYetValid")
        #expect(await refused(document, at: Timestamp("2024-05-01T00:00:00Z"))?.code == "signedLater")
        let other = try TestAuthority.shared.get()
        #expect(await refused(document, trusting: [try other.intermediate.pem])?.code == "untrusted")
    }
}
