// SPDX-License-Identifier: Apache-2.0
import SwiftASN1
import Testing
import X509

@testable import WhiteList

@Suite("Names of certificates") struct NameTests {
    private let subject: CertificateName

    init() throws {
        subject = CertificateName(
            try DistinguishedName {
                CountryName("FR")
                StateOrProvinceName("Paris (75)")
                OrganizationName("Éditeur, SA")
                OrganizationalUnitName("31598513500187")
                CommonName("db1.111.test.example")
            }
        )
    }

    static let same = [
        #"CN=db1.111.test.example,OU=31598513500187,O=Éditeur\, SA,ST=Paris (75),C=FR"#,
        #"CN=db1.111.test.example, OU=31598513500187, O=\C3\89diteur\2C SA, ST=Paris (75), C=FR"#,
        #"C = FR, ST = Paris (75), O = "Éditeur, SA", OU = 31598513500187, CN = db1.111.test.example"#,
        #"/C=FR/ST=Paris (75)/O=Éditeur, SA/OU=31598513500187/CN=db1.111.test.example"#,
        #"C=fr;ST=PARIS  (75);O=éditeur\, sa;OU=31598513500187;CN=DB1.111.TEST.EXAMPLE"#,
        #"2.5.4.3=db1.111.test.example,OID.2.5.4.11=31598513500187,O=Éditeur\, SA,S=Paris (75),C=FR"#,
        #"cn=db1.111.test.example+ou=31598513500187,o=#0C0CC3896469746575722C205341,st=Paris (75),c=FR"#,
        "  CN=db1.111.test.example,\n  OU=31598513500187,O=Éditeur\\, SA,ST=Paris (75),C=FR ",
    ]

    @Test("one name in all its forms", arguments: same) func equal(text: String) {
        #expect(CertificateName(text) == subject, "\(text)")
    }

    static let others = [
        #"CN=db1.112.test.example,OU=31598513500187,O=Éditeur\, SA,ST=Paris (75),C=FR"#,
        #"CN=db1.111.test.example,OU=31598513500187,O=Éditeur\, SA,ST=Paris (75)"#,
        #"CN=db1.111.test.example,CN=db1.111.test.example,OU=31598513500187,O=Éditeur\, SA,ST=Paris (75),C=FR"#,
        #"CN=db1.111.test.example,OU=31598513500187,O=Éditeur SA,ST=Paris (75),C=FR"#,
        #"CN=db1.111.test.example,OU=31598513500187,O=Éditeur\, SA,L=Paris (75),C=FR"#,
    ]

    @Test("other names are others", arguments: others) func different(text: String) {
        let name = CertificateName(text)
        #expect(name != nil && name != subject)
    }

    @Test(
        "what is no name is none",
        arguments: [
            "", "db1.test.example", "CN=a,", "CN=a,b", "=a", "X=a", "CN=\"a", "CN=a\\", "CN=#1", "CN=#GG",
            "CN=a\"b",
            "CN=\"a\"b", "/", "//CN=a",
        ]
    )
    func none(text: String) {
        #expect(CertificateName(text) == nil, "\(text)")
    }

    @Test("a value cannot look like another part") func injection() throws {
        let one = try DistinguishedName { CommonName("a,OU=b") }
        let two = try DistinguishedName {
            CommonName("a")
            OrganizationalUnitName("b")
        }
        #expect(CertificateName(one) != CertificateName(two))
        #expect(CertificateName("CN=a\\,OU=b") == CertificateName(one))
        #expect(CertificateName("CN=a,OU=b") == CertificateName(two))
    }
}
