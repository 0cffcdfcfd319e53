// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

/// The document of DESIGN 4, whole.
private let whole = """
    { "site": "Radiologie Nord", "dataDirectory": "/var/lib/drimbox/gateway",
      "statusSocket": "/run/drimbox/gateway.sock",
      "spool": { "capacityBytes": 107374182400, "segmentBytes": 268435456 },
      "dicom": { "aeTitle": "DRIMBOX", "listen": ["127.0.0.1:11112"], "tls": null, "maximumPDULength": 131072,
                 "maximumAssociations": 64,
                 "peers": [ { "aeTitle": "PACS", "host": "127.0.0.1", "port": 4242,
                              "roles": ["store", "find", "move"] } ],
                 "acceptUnknownPeers": false },
      "web": { "listen": ["127.0.0.1:8080"], "tls": null, "databaseHost": "db1.example",
               "viewerHost": "vi1.example", "authorization": "none" },
      "hl7": { "listen": ["127.0.0.1:2575"], "tls": null } }
    """
/// Nothing but what has no default.
private let least = """
    { "site": "S", "dataDirectory": "/d", "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
      "web": { "listen": ["[::1]:0"], "authorization": "none" } }
    """

private func read(_ text: String) throws -> GatewayConfiguration {
    try GatewayConfiguration(json: Array(text.utf8))
}

/// The whole document with one value replaced, added (`nil` before) or removed (`nil` after).
private func changed(_ path: String, _ value: Any?) throws -> String {
    func set(_ node: Any, _ keys: ArraySlice<String>) -> Any {
        guard let key = keys.first else { return value ?? NSNull() }
        if var list = node as? [Any] {
            let index = Int(key) ?? 0
            if index < list.count {
                list[index] = set(list[index], keys.dropFirst())
            } else {
                list.append(value ?? 0)
            }
            return list
        }
        var object = node as? [String: Any] ?? [:]
        if keys.count == 1, value == nil {
            object.removeValue(forKey: key)
        } else {
            object[key] = set(object[key] ?? [String: Any](), keys.dropFirst())
        }
        return object
    }
    let document = try JSONSerialization.jsonObject(with: Data(whole.utf8))
    let result = set(document, path.split(separator: ".").map(String.init)[...])
    return String(decoding: try JSONSerialization.data(withJSONObject: result), as: UTF8.self)
}

private func findings(_ text: String) -> [ConfigurationError.Finding] {
    do {
        _ = try read(text)
        return []
    } catch let error as ConfigurationError {
        return error.findings
    } catch {
        return []
    }
}

@Suite("gateway.json") struct GatewayConfigurationTests {
    @Test("the document of the design is read") func wholeDocument() throws {
        let configuration = try read(whole)
        #expect(configuration.site == "Radiologie Nord")
        #expect(configuration.statusSocket == "/run/drimbox/gateway.sock")
        #expect(configuration.spool.capacityBytes == 107_374_182_400)
        #expect(configuration.dicom.listen.map(\.port) == [11112])
        #expect(configuration.dicom.peers.first?.roles == [.store, .find, .move])
        #expect(configuration.dicom.peers.first?.sends == .unsolicited)
        #expect(configuration.web.databaseHost == "db1.example")
        #expect(configuration.hl7?.listen.first?.port == 2575)
    }

    @Test("what may be absent has its default") func defaults() throws {
        let configuration = try read(least)
        #expect(configuration.statusSocket == nil)
        #expect(configuration.spool.capacityBytes == 107_374_182_400)
        #expect(configuration.spool.segmentBytes == 268_435_456)
        #expect(configuration.dicom.maximumPDULength == 131_072)
        #expect(configuration.dicom.maximumAssociations == 64)
        #expect(configuration.dicom.artimSeconds == 30)
        #expect(configuration.dicom.idleSeconds == 300)
        #expect(configuration.dicom.peers.isEmpty)
        #expect(!configuration.dicom.acceptUnknownPeers)
        #expect(configuration.web.databaseHost == nil)
        #expect(configuration.hl7 == nil)
    }

    @Test("what is written reads back the same", arguments: [whole, least]) func roundTrip(text: String)
        throws
    {
        let configuration = try read(text)
        #expect(try GatewayConfiguration(json: configuration.encodeJSON()) == configuration)
    }

    @Test("text is written so that it reads back, whatever is in it") func textRoundTrip() throws {
        let configuration = try read(try changed("site", "a\"b\\c é ☃ /"))
        #expect(try GatewayConfiguration(json: configuration.encodeJSON()).site == "a\"b\\c é ☃ /")
    }

    @Test(
        "an unknown key is an error that names its path",
        arguments: [
            ("colour", "colour"), ("spool.colour", "spool.colour"), ("dicom.colour", "dicom.colour"),
            ("dicom.peers.0.colour", "dicom.peers[0].colour"), ("web.colour", "web.colour"),
            ("hl7.colour", "hl7.colour"),
        ]
    )
    func unknownKeys(path: String, named: String) throws {
        let found = findings(try changed(path, 1))
        #expect(found.map(\.path) == [named])
        #expect(found.first?.found == "an unknown key")
    }

    @Test(
        "a required key is missed",
        arguments: [
            "site", "dataDirectory", "dicom", "web", "dicom.aeTitle", "dicom.listen", "web.listen",
            "web.authorization",
        ]
    )
    func missing(path: String) throws {
        #expect(findings(try changed(path, nil)).map(\.path) == [path])
    }

    /// Path, bad value, path that the error names.
    static let bad: [(String, any Sendable, String)] = [
        ("site", "", "site"), ("site", 3, "site"), ("site", "a\nb", "site"),
        ("dataDirectory", "relative", "dataDirectory"),
        ("statusSocket", "/" + String(repeating: "s", count: 107), "statusSocket"),
        ("spool", 1, "spool"), ("spool.segmentBytes", (1 << 20) - 1, "spool.segmentBytes"),
        ("spool.segmentBytes", (4 << 30) + 1, "spool.segmentBytes"),
        ("spool.capacityBytes", 2 * 268_435_456 - 1, "spool.capacityBytes"),
        ("spool.capacityBytes", 1.5, "spool.capacityBytes"),
        ("spool.capacityBytes", true, "spool.capacityBytes"),
        ("dicom.aeTitle", "SEVENTEEN_LETTERS", "dicom.aeTitle"), ("dicom.aeTitle", "A\\B", "dicom.aeTitle"),
        ("dicom.aeTitle", "  ", "dicom.aeTitle"),
        ("dicom.listen", [String](), "dicom.listen"), ("dicom.listen", "127.0.0.1:1", "dicom.listen"),
        ("dicom.listen.0", "127.0.0.1", "dicom.listen[0]"), ("dicom.listen.0", "::1:80", "dicom.listen[0]"),
        ("dicom.listen.0", "127.0.0.1:65536", "dicom.listen[0]"),
        ("dicom.listen.0", ":80", "dicom.listen[0]"),
        ("dicom.listen.0", "[127.0.0.1]:80", "dicom.listen[0]"),
        ("dicom.listen.1", "127.0.0.1:11112", "dicom.listen[1]"),
        ("dicom.maximumPDULength", 4095, "dicom.maximumPDULength"),
        ("dicom.maximumPDULength", (1 << 20) + 1, "dicom.maximumPDULength"),
        ("dicom.maximumAssociations", 0, "dicom.maximumAssociations"),
        ("dicom.maximumAssociations", 1025, "dicom.maximumAssociations"),
        ("dicom.artimSeconds", 0, "dicom.artimSeconds"), ("dicom.idleSeconds", "5", "dicom.idleSeconds"),
        ("dicom.acceptUnknownPeers", 1, "dicom.acceptUnknownPeers"),
        ("dicom.peers.0.port", 0, "dicom.peers[0].port"),
        ("dicom.peers.0.host", "a b", "dicom.peers[0].host"),
        ("dicom.peers.0.roles.0", "echo", "dicom.peers[0].roles[0]"),
        ("dicom.peers.0.roles.0", "move", "dicom.peers[0].roles[2]"),
        ("dicom.peers.0.sends", "often", "dicom.peers[0].sends"),
        ("web.authorization", "oauth", "web.authorization"),
        ("web.viewerHost", "db1.example", "web.viewerHost"),
        ("web.databaseHost", "http://x", "web.databaseHost"), ("hl7.listen.0", 2575, "hl7.listen[0]"),
    ]

    @Test("a value out of range or of another type is an error that names its path", arguments: bad)
    func badValues(path: String, value: any Sendable, named: String) throws {
        #expect(findings(try changed(path, value)).map(\.path) == [named])
    }

    @Test("two peers with one AE title are an error, padding aside") func duplicatePeers() throws {
        let peer: [String: Any] = ["aeTitle": " PACS ", "host": "h", "port": 1, "roles": [String]()]
        #expect(findings(try changed("dicom.peers.1", peer)).map(\.path) == ["dicom.peers[1].aeTitle"])
    }

    @Test("plain text beyond loopback needs a written reason", arguments: ["dicom", "web", "hl7"])
    func plaintext(section: String) throws {
        for address in [
            "0.0.0.0:0", "[::]:80", "192.0.2.1:104", "[fe80::1]:104", "box.example:80", "128.0.0.1:1",
        ] {
            #expect(
                findings(try changed("\(section).listen.0", address)).map(\.path) == ["\(section).listen[0]"]
            )
        }
        for address in ["127.0.0.1:0", "127.255.0.3:80", "[::1]:80", "localhost:80"] {
            #expect(findings(try changed("\(section).listen.0", address)).isEmpty)
        }
        var document = try #require(
            try JSONSerialization.jsonObject(with: Data(changed("\(section).listen.0", "0.0.0.0:0").utf8))
                as? [String: Any]
        )
        var part = try #require(document[section] as? [String: Any])
        for (reason, isEnough) in [("", false), ("  ", false), ("isolated modality network", true)] {
            part["allowPlaintext"] = reason
            document[section] = part
            let text = String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
            #expect(findings(text).isEmpty == isEnough)
        }
    }

    @Test("all errors are reported, not only the first") func allErrors() {
        let text = """
            { "site": 1, "dataDirectory": 2, "zz": 3, "dicom": { "aeTitle": "", "listen": [4] }, "web": [] }
            """
        let paths = findings(text).map(\.path)
        for path in ["site", "dataDirectory", "zz", "dicom.aeTitle", "dicom.listen[0]", "web"] {
            #expect(paths.contains(path))
        }
    }

    @Test("a peer that sends what we asked for is marked so") func pulled() throws {
        let configuration = try read(try changed("dicom.peers.0.sends", "pulled"))
        #expect(configuration.dicom.peers.first?.sends == .pulled)
    }

    @Test(
        "what is not a JSON object is an error, not a trap",
        arguments: [
            "", "{", "[]", "1", "null", "\"x\"", "{\"site\": }", String(repeating: "[", count: 100_000),
        ]
    )
    func notJSON(text: String) {
        #expect(!findings(text).isEmpty)
    }

    @Test("a document of more than a megabyte is not read") func tooLong() {
        let text = String(repeating: " ", count: 1 << 20) + least
        #expect(findings(text).first?.expected == "at most 1048576 bytes")
    }

    @Test("any damage of a valid document gives a configuration or findings") func mutations() {
        var random = SplitMix64(state: 20_261_124)
        let valid = Array(whole.utf8)
        for _ in 0..<3000 {
            var bytes = valid
            for _ in 0...(random.next() % 4) {
                let index = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: index)
                }
            }
            do {
                let configuration = try GatewayConfiguration(json: bytes)
                let isLocal = configuration.dicom.listen.allSatisfy(\.isLoopback)
                let dicom = configuration.dicom
                #expect(isLocal || dicom.allowPlaintext != nil || dicom.tls != nil)
            } catch {
                #expect(!error.findings.isEmpty)
            }
        }
    }
}

/// Deterministic (Steele, Lea, Flood 2014).
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
