// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing
import XML

@testable import WhiteList

@Suite("What a white list says") struct ReadingTests {
    private func read(_ domains: [String]) throws -> WhiteList {
        let text = """
            <ListeBlancheDRIM-M xmlns="https://github.com/ansforge/DRIM-M_DATA" versionFormat="1.0.0">
            <DateDeGeneration> 2026-05-20T11:08:12 </DateDeGeneration><ListeDomaines>\(domains.joined())</ListeDomaines>
            </ListeBlancheDRIM-M>
            """
        return try WhiteList(reading: try XMLElement(parsing: Array(text.utf8)))
    }

    @Test("boxes are found by host and by certificate") func lookups() throws {
        let name = "CN=db1.111.test.example,OU=1,O=a,C=FR"
        let list = try read([
            ListTemplate.domain("1", "DB1.111", name), ListTemplate.domain("1", "db2.111", name),
            ListTemplate.domain("2", "db1.345", "CN=db1.345.test.example,C=FR"),
        ])
        #expect(list.generated == Timestamp("2026-05-20T11:08:12Z"))
        #expect(list.domain(servingImagesAt: "db1.111.TEST.example")?.operatorIdentifier == "1")
        #expect(list.domain(servingImagesAt: "vi1.345.test.example") == nil)
        #expect(list.domain(viewingAt: "vi1.345.test.example")?.operatorIdentifier == "2")
        #expect(list.domain(servingImagesAt: "db1.345.test.example.") == nil)
        #expect(list.domain(servingImagesAt: "") == nil)
        let asking = try #require(CertificateName("C=FR, O=a, OU=1, CN=db1.111.test.example"))
        #expect(list.domains(askingAs: asking).map(\.db) == ["db1.111.test.example", "db2.111.test.example"])
        #expect(list.domains(askingAs: try #require(CertificateName("CN=db1.111.test.example"))).isEmpty)
    }

    @Test(
        "a domain without a usable host or name is set aside, and the others stay",
        arguments: [
            ("db1.111.test.example", "127.0.0.1"), ("db1.111.test.example", "localhost"),
            ("db1.111.test.example", "a.b:8443"), ("db1.111.test.example", "*.example"),
            ("db1.111.test.example", "https://a.example"), ("db1.111.test.example", ""),
            ("db1.111.test.example", "-a.example"), ("CN=x", "x"),
        ]
    )
    func unusable(old: String, new: String) throws {
        let broken = ListTemplate.domain("1", "db1.111", "CN=x").replacing(old, with: new)
        let list = try read([broken, ListTemplate.domain("2", "db1.345", "CN=y")])
        #expect(list.domains.map(\.operatorIdentifier) == ["2"])
        #expect(list.unusable.map(\.number) == [1])
        #expect(list.unusable[0].words.contains("found \"\(new)\""))
    }
}
