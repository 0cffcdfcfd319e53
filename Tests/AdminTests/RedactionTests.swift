// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("What support gets holds no secret") struct RedactionTests {
    @Test("members are told, secrets and names are not") func document() throws {
        let text = """
            { "site": "X", "port": 104, "list": [ { "sharedSecret": "s", "aeTitle": "PACS", "privateKey": "/k" } ],
              "proxy": "http://joe:pw@proxy", "allowPlaintext": null, "deep": { "wifiPassword": { "a": 1 } } }
            """
        let told = Redaction.document(try JSONValue(parsing: Array(text.utf8)))
        #expect(told[path: "site"] == .string("(removed)") && told[path: "port"] == .integer(104))
        #expect(told[path: "list[0].sharedSecret"] == .string("(removed)"))
        #expect(told[path: "list[0].privateKey"] == .string("(removed)"))
        #expect(told[path: "list[0].aeTitle"] == .string("PACS"))
        #expect(told[path: "proxy"] == .string("(removed)") && told[path: "allowPlaintext"] == .null)
        #expect(told[path: "deep.wifiPassword"] == .string("(removed)"))
    }
}
