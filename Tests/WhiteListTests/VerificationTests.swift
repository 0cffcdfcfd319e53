// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing
import X509

@testable import WhiteList

/// What a list is refused for, or nil.
func refusal(_ body: () async throws(WhiteListError) -> Void) async -> WhiteListError? {
    do throws(WhiteListError) {
        try await body()
        return nil
    } catch { return error }
}

@Suite("A signed white list") struct VerificationTests {
    let authority: TestAuthority
    let now = Timestamp(TestAuthority.now)

    init() throws { authority = try TestAuthority.shared.get() }

    private func verify(
        _ text: String,
        at time: Timestamp? = nil,
        notOlderThan accepted: Timestamp? = nil,
        trusting roots: [Certificate]? = nil,
        revocation: WhiteListVerifier.RevocationCheck? = nil
    ) async throws(WhiteListError) -> SignedWhiteList {
        let pem = (roots ?? [authority.intermediate]).compactMap { try? $0.pem }
        return try await WhiteListVerifier(authorities: pem, revocation: revocation)
            .verify(Array(text.utf8), at: time ?? now, notOlderThan: accepted)
    }

    private func refused(_ text: String, at time: Timestamp? = nil) async -> WhiteListError? {
        await refusal { () async throws(WhiteListError) in _ = try await verify(text, at: time) }
    }

    private func code(_ text: String) async -> String? { await refused(text)?.code }

    // MARK: - Accepted

    @Test("every form that the agency has used is accepted") func forms() async throws {
        for removal in [ListTemplate.Removal.filter, .enveloped] {
            for named in [ListTemplate.Named.version1, .version2] {
                for digest in [ListTemplate.sha256, ListTemplate.sha512] {
                    for namespace in WhiteList.namespaces {
                        var template = ListTemplate()
                        (template.removal, template.named) = (removal, named)
                        (template.digest, template.certificateDigest) = (digest, digest)
                        template.namespace = namespace
                        let signed = try await verify(try template.signed(by: authority.signer))
                        #expect(signed.list.domains.count == 2)
                        #expect(signed.list.domains[0].vi == "vi1.111.test.example")
                        #expect(signed.issuers == ["CN=Test Authority,C=FR"])
                        #expect(!signed.isRevocationChecked)
                    }
                }
            }
        }
    }

    @Test("with the intermediate in KeyInfo the root is enough") func chain() async throws {
        let short = try ListTemplate().signed(by: authority.signer)
        let long = try ListTemplate().signed(by: authority.signer, with: [authority.intermediate])
        #expect(
            await refusal { () async throws(WhiteListError) in
                _ = try await verify(short, trusting: [authority.root])
            }?.code == "untrusted"
        )
        let signed = try await verify(long, trusting: [authority.root])
        #expect(signed.issuers.last == "CN=Test Root,C=FR")
    }

    // MARK: - The document and its signature

    @Test("what was changed is refused, and it is said where") func altered() async throws {
        let text = try ListTemplate().signed(by: authority.signer)
        func change(_ old: String, _ new: String) -> String {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text, "\(old)")
            return changed
        }
        #expect(await refused(change("<db>db1.111", "<db>db1.112")) == .altered(reference: "reference 1"))
        #expect(await refused(change("2026-05-21T05", "2026-05-22T05")) == .altered(reference: "reference 2"))
        #expect(await code(change("</ListeDomaines>", "<Domaine/></ListeDomaines>")) == "altered")
        #expect(await refused(change("<ds:SignatureValue>", "<ds:SignatureValue>AAAA")) == .signatureValue)
        #expect(await refused(change("Id=\"r-1\"", "Id=\"r-2\"")) == .signatureValue)
        #expect(await code(change("<ListeBlancheDRIM-M", "<!DOCTYPE a><ListeBlancheDRIM-M")) == "document")
        #expect(await code(change("</ListeBlancheDRIM-M>", "")) == "document")
        #expect(await code(change("Target=\"#sig-1\"", "Target=\"#sig-2\"")) == "signedProperties")
        #expect(await code("<a/>") == "root")
        #expect(await code(change("https://listeblanche.mesimagesmedicales.fr/schema", "urn:x")) == "root")
    }

    @Test("a list without a signature is refused as such") func unsigned() async throws {
        let text = try ListTemplate().signed(by: authority.signer).replacingOccurrences(
            of: "<ds:Signature .*</ds:Signature>",
            with: "",
            options: .regularExpression
        )
        #expect(await refused(text) == .unsigned)
    }

    @Test("signed parts that stand elsewhere are refused") func wrapped() async throws {
        let text = try ListTemplate().signed(by: authority.signer)
        let start = try #require(text.range(of: "<ListeBlancheDRIM-M"))
        let original = String(text[start.lowerBound...])
        let signature = try #require(text.range(of: "<ds:Signature ")).lowerBound
        let end = try #require(text.range(of: "</ds:Signature>")).upperBound
        let ds = String(text[signature..<end])
        let forged = original.replacingOccurrences(of: ds, with: "").replacingOccurrences(
            of: "db1",
            with: "db9"
        )
        let namespace = ListTemplate().namespace
        // The original inside another list.
        let outer =
            "<ListeBlancheDRIM-M xmlns=\"\(namespace)\" versionFormat=\"1.0.0\"><x>\(original)</x></ListeBlancheDRIM-M>"
        #expect(await code(outer) == "signaturePlace")
        // The original in an Object of its own signature, which is taken out of what is digested.
        let object = forged.replacingOccurrences(
            of: "</ListeBlancheDRIM-M>",
            with: ds.replacingOccurrences(
                of: "</ds:Signature>",
                with:
                    "<ds:Object>\(original.replacingOccurrences(of: ds, with: ""))</ds:Object></ds:Signature>"
            ) + "</ListeBlancheDRIM-M>"
        )
        #expect(await code(object) == "altered")
        // A second signature, or a second element of one ID.
        #expect(await refused(text.replacingOccurrences(of: ds, with: ds + ds)) == .signatureCount(found: 2))
        let twice = text.replacingOccurrences(
            of: "<ds:Object>",
            with: "<ds:Object Id=\"props-1\"/><ds:Object>"
        )
        #expect(await refused(twice) == .duplicateIdentifier("props-1"))
        // Hidden in the signature: not signed, and not read.
        let hidden = text.replacingOccurrences(
            of: "</ds:Signature>",
            with: "<ds:Object><ListeDomaines xmlns=\"\(namespace)\"/></ds:Object></ds:Signature>"
        )
        #expect(try await verify(hidden).list.domains.count == 2)
    }

    @Test("algorithms and forms beside the agreed ones are refused") func otherForms() async throws {
        func code(_ change: (inout ListTemplate) -> Void) async throws -> String? {
            var template = ListTemplate()
            change(&template)
            return await self.code(try template.signed(by: authority.signer))
        }
        #expect(try await code { $0.method = ListTemplate.dsig + "rsa-sha1" } == "algorithm")
        #expect(try await code { $0.digest = ListTemplate.dsig + "sha1" } == "algorithm")
        #expect(
            try await code { $0.canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" }
                == "canonicalization"
        )
        #expect(try await code { $0.target = "#other" } == "signedProperties")
        #expect(try await code { $0.version = "2.0.0" } == "version")
        #expect(try await code { $0.generated = "yesterday" } == "generationDate")
        let whole =
            "<ds:Reference URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"\(ListTemplate.dsig)enveloped-signature\"/>"
            + "</ds:Transforms><ds:DigestMethod Algorithm=\"\(ListTemplate.sha256)\"/><ds:DigestValue/></ds:Reference>"
        #expect(try await code { $0.more = whole } == "references")
        let text = try ListTemplate().signed(by: authority.signer)
        #expect(
            await self.code(
                text.replacingOccurrences(of: "/descendant::ds:Signature", with: "/descendant::Domaine")
            )
                == "signatureForm"
        )
        #expect(
            await self.code(
                text.replacingOccurrences(of: "URI=\"#props-1\"", with: "URI=\"http://127.0.0.1/\"")
            )
                == "signatureForm"
        )
    }

    // MARK: - The signer

    @Test("another signer is refused, by name or by authority") func otherSigner() async throws {
        for (name, unit) in [("Liste Blanche", "318751275100020"), ("Liste Blanche DRIM-M", "1")] {
            let other = try authority.issue(try TestAuthority.agency(name, unit: unit))
            #expect(await code(try ListTemplate().signed(by: other)) == "signer")
        }
        let small = try authority.issue(try TestAuthority.agency("liste blanche drim-m"))
        #expect(await code(try ListTemplate().signed(by: small)) == "signer")
        // The same names by an authority of the same name.
        let impostor = try ListTemplate().signed(by: authority.impostor, with: [authority.impostorRoot])
        #expect(await code(impostor) == "untrusted")
        _ = try await verify(impostor, trusting: [authority.impostorRoot])
        var template = ListTemplate()
        template.namedCertificate = authority.impostor.certificate
        for named in [ListTemplate.Named.version1, .version2] {
            template.named = named
            #expect(await code(try template.signed(by: authority.signer)) == "signingCertificate")
        }
        let agency = WhiteListVerifier.Signer.agency
        #expect(WhiteListVerifier.Signer("C=FR, OU=318751275100020 , CN = Liste Blanche DRIM-M") == agency)
    }

    @Test("a certificate of another purpose is refused") func purpose() async throws {
        let cases: [(Certificate.Extensions, String)] = [
            (try TestAuthority.leaf(KeyUsage(keyEncipherment: true)), "keyUsage"),
            (try TestAuthority.leaf(nil), "keyUsage"), (try TestAuthority.authority, "authority"),
        ]
        for (extensions, expected) in cases {
            let other = try authority.issue(extensions: extensions)
            #expect(await code(try ListTemplate().signed(by: other)) == expected)
        }
        let weaker = try authority.issue(extensions: try TestAuthority.leaf(KeyUsage(nonRepudiation: true)))
        #expect(await code(try ListTemplate().signed(by: weaker)) == nil)
    }

    @Test("revocation is asked for each certificate, and nothing known is no") func revocation() async throws
    {
        let text = try ListTemplate().signed(by: authority.signer, with: [authority.intermediate])
        let intermediate = try authority.intermediate.bytes
        let good = try await verify(text, trusting: [authority.root], revocation: { _, _, _ in .good })
        #expect(good.isRevocationChecked)
        func code(_ answer: WhiteListVerifier.Revocation) async -> String? {
            await refusal { () async throws(WhiteListError) in
                _ = try await verify(
                    text,
                    trusting: [authority.root],
                    revocation: { certificate, _, _ in certificate == intermediate ? answer : .good }
                )
            }?.code
        }
        #expect(await code(.revoked(by: "a list")) == "revoked")
        #expect(await code(.unknown("no list")) == "revocationUnknown")
    }

    // MARK: - Times

    @Test("a certificate out of its time is refused, and so is its authority's") func expired() async throws {
        let expired = try authority.issue(days: -100 ... -1)
        let error = await refused(try ListTemplate().signed(by: expired))
        guard case .expired(_, let since, now)? = error else {
            Issue.record("\(error.map { "\($0)" } ?? "accepted")")
            return
        }
        #expect(since == Timestamp(milliseconds: now.milliseconds - 86_400_000))
        let future = try authority.issue(days: 1...100)
        #expect(await code(try ListTemplate().signed(by: future)) == "notYetValid")
        let long = try authority.issue(days: -10...9000)
        let later = Timestamp(milliseconds: now.milliseconds + 4000 * 86_400_000)
        let authorities = await refused(try ListTemplate().signed(by: long), at: later)
        guard case .expired("CN=Test Authority,C=FR", _, _)? = authorities else {
            Issue.record("\(authorities.map { "\($0)" } ?? "accepted")")
            return
        }
    }

    @Test("an older list than the last is refused, the same one is not") func older() async throws {
        let text = try ListTemplate().signed(by: authority.signer)
        let own = try #require(Timestamp("2026-05-20T11:08:12Z"))
        let next = Timestamp(milliseconds: own.milliseconds + 1)
        #expect(try await verify(text, notOlderThan: own).list.generated == own)
        #expect(
            await refusal { () async throws(WhiteListError) in _ = try await verify(text, notOlderThan: next)
            }
                == .older(found: own, accepted: next)
        )
        var template = ListTemplate()
        template.signingTime = "2026-12-01T00:00:00Z"
        #expect(await code(try template.signed(by: authority.signer)) == "signedLater")
        template = ListTemplate()
        template.generated = "2026-12-01T00:00:00Z"
        #expect(await code(try template.signed(by: authority.signer)) == "generatedLater")
    }
}
