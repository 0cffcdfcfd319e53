// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

@Suite("Dates of expiry") struct UTCTimeTests {
    @Test(
        "are read and written",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-28T07:06:01Z", 1_795_849_561), ("1969-12-31T23:59:59Z", -1),
            ("9999-12-31T23:59:59Z", 253_402_300_799), ("2100-03-01T00:00:00Z", 4_107_542_400),
        ]
    )
    func reads(text: String, seconds: Int64) {
        #expect(UTCTime(text)?.seconds == seconds)
        #expect(UTCTime(seconds: seconds).description == text)
    }

    @Test(
        "of another form, or of no calendar, are refused",
        arguments: [
            "", "2030-01-01", "2030-01-01T00:00:00", "2030-01-01T00:00:00+00:00", "2030-01-01T00:00:00.5Z",
            "2030-13-01T00:00:00Z", "2030-00-01T00:00:00Z", "2030-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
            "2030-04-31T00:00:00Z", "2030-01-00T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z",
            "2030-01-01T00:00:60Z", "2030-01-01 00:00:00Z", "203a-01-01T00:00:00Z", " 030-01-01T00:00:00Z",
        ]
    )
    func refuses(text: String) { #expect(UTCTime(text) == nil) }
}

@Suite("TUF 4.5 path patterns") struct PathPatternTests {
    @Test(
        "cover",
        arguments: [
            ("*", "a"), ("*", ""), ("a/*", "a/b"), ("*.tgz", "x.tgz"), ("targets/*.tgz", "targets/foo.tgz"),
            ("a?c", "abc"), ("?", "é"), ("a*b*c", "aXbYbZc"), ("**", "abc"), ("*/*", "a/b"), ("[a]", "[a]"),
            ("rollout/*", "rollout/stable.json"), ("", ""), ("a*", "a"), ("*a", "aaa"), ("a/*/c", "a/b/c"),
        ]
    )
    func covers(pattern: String, path: String) { #expect(PathPattern(pattern).matches(path)) }

    @Test(
        "do not cover",
        arguments: [
            ("*", "a/b"), ("a/*", "a/b/c"), ("*.tgz", "x.zip"), ("a?c", "a/c"), ("?", ""), ("a", "ab"),
            ("ab", "a"), ("[a]", "a"), ("*/*", "a"), ("rollout/*", "rollout"), ("**", "a/b"), ("A", "a"),
            ("targets/*.tgz", "targets/a/foo.tgz"), ("a*b", "a/b"), ("", "a"), ("\u{E9}", "e\u{301}"),
        ]
    )
    func leaves(pattern: String, path: String) { #expect(!PathPattern(pattern).matches(path)) }

    @Test("a pattern of many stars takes no longer", .timeLimit(.minutes(1))) func stars() {
        let pattern = PathPattern(String(repeating: "*a", count: 500) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 2000)))
    }
}

@Suite("Names on the disk and in URLs") struct NameTests {
    @Test(
        "a role's file is one name in its directory",
        arguments: [
            ("targets", "targets.json"), ("../x", "%2E%2E%2Fx.json"), ("..", "%2E%2E.json"),
            ("/", "%2F.json"),
            ("1.root", "1%2Eroot.json"), ("\u{0}", "%00.json"), ("é", "%C3%A9.json"), ("%2F", "%252F.json"),
            ("a-b_c", "a-b_c.json"), ("٣", "%D9%A3.json"),
        ]
    )
    func roles(role: String, name: String) { #expect(StoredFile.role(role).fileName == name) }

    @Test("a root's file is that of no role") func root() {
        #expect(StoredFile.root(version: 1).fileName == "1.root.json")
        #expect(MetadataFile(role: "?/.", version: 2, maximumLength: 1).path == "2.%3F%2F..json")
        #expect(MetadataFile(role: "timestamp", version: nil, maximumLength: 1).path == "timestamp.json")
    }

    @Test(
        "a target's file is one name, its URL keeps the directories",
        arguments: [
            ("a/b c.tgz", "a%2Fb%20c%2Etgz", "a/HASH.b%20c.tgz"), ("..", "%2E%2E", "HASH..."),
            ("../../etc/passwd", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd", "../../etc/HASH.passwd"),
            ("?#", "%3F%23", "HASH.%3F%23"), ("a/\u{301}b", "a%2F%CC%81b", "a/HASH.%CC%81b"),
            ("", "", "HASH."),
        ]
    )
    func targets(path: String, name: String, url: String) throws {
        let hash = String(repeating: "ab", count: 32)
        let json: JSON = ["length": 1, "hashes": ["sha256": .string(hash)]]
        let target = try TargetFile(path, Fields(json, "target"))
        #expect(target.fileName == name)
        #expect(
            target.repositoryPath(consistentSnapshot: true) == url.replacing("HASH", with: hash)
        )
        #expect(target.repositoryPath(consistentSnapshot: false) == url.replacing("HASH.", with: ""))
    }
}
