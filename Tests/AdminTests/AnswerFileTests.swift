// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("An answer file is the configuration's document, and users") struct AnswerFileTests {
    private static let gateway = """
        "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                     "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } }
        """
    private static let hash = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

    private func file(_ users: String, site: String = "Nord") throws -> AnswerFile {
        try AnswerFile(json: Array(#"{ "site": "\#(site)", \#(Self.gateway), "users": \#(users) }"#.utf8))
    }

    @Test("document and users") func good() throws {
        let answers = try file(
            """
            [ { "name": "marie", "role": "operator", "password": "correct horse" },
              { "name": "paul", "role": "admin", "passwordHash": "\(Self.hash)" } ]
            """
        )
        #expect(answers.users.map(\.name) == ["marie", "paul"])
        #expect(answers.users.map(\.role) == [.operator, .admin])
        #expect(answers.users[1].secret == .hash(Self.hash))
        #expect(try BoxConfiguration(json: Array(answers.document.text().utf8)).site == "Nord")
        #expect(answers.document[path: "users"] == nil)
        #expect(try file("[]").users.isEmpty)
    }

    @Test(
        "what is wrong is named by its path, and no secret is told",
        arguments: [
            (#"[{ "name": "marie", "role": "operator", "password": "short" }]"#, "users[0]"),
            (#"[{ "name": "Marie D", "role": "operator", "password": "correct horse" }]"#, "users[0]"),
            (#"[{ "name": "marie", "role": "god", "password": "correct horse" }]"#, "users[0].role"),
            (#"[{ "name": "marie", "role": "viewer" }]"#, "users[0]"),
            (
                #"[{ "name": "m", "role": "viewer", "password": "correct horse", "passwordHash": "$y$" }]"#,
                "users[0]"
            ),
            (#"[{ "name": "m", "role": "viewer", "passwordHash": "$1$secret$secret" }]"#, "users[0]"),
            (#"[{ "name": "m", "role": "viewer", "password": "correct horse", "x": 1 }]"#, "users[0].x"),
            (
                #"[{ "name": "m", "role": "viewer", "password": "correct horse" }, { "name": "m", "role": "viewer", "password": "correct horse" }]"#,
                "users[1].name"
            ),
            (#"{}"#, "users"),
        ]
    )
    func wrong(users: String, path: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try file(users) }
        #expect(error?.findings.contains { $0.path == path } == true, "\(error?.description ?? "-")")
        #expect(error?.description.contains("horse") == false)
    }

    @Test("the configuration's own errors come too") func configuration() {
        let error = #expect(throws: ConfigurationError.self) { try file(#"[{}]"#, site: "") }
        #expect(error?.findings.contains { $0.path == "site" } == true)
        #expect(error?.findings.contains { $0.path == "users[0]" } == true)
        #expect(throws: ConfigurationError.self) { try AnswerFile(json: Array("[]".utf8)) }
    }
}
