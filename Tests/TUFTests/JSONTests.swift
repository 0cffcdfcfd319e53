// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

@Suite("JSON, as little as metadata needs") struct JSONTests {
    private func parse(_ text: String) throws(FormatError) -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test("values of every kind are read") func reads() throws {
        let text = """
             { "a" : [ 1 , -2, 0, true, false, null, 9223372036854775807, -9223372036854775808 ],
            \t"b":{"c":"\\u00e9\\ud83d\\ude00\\n\\/\\\\\\"é😀"}, "":[] , "d":{ } }\r
            """
        let value: JSON = [
            "a": [1, -2, 0, true, false, .null, .integer(.max), .integer(.min)],
            "b": ["c": "é😀\n/\\\"é😀"], "": [], "d": [:],
        ]
        #expect(try parse(text) == value)
    }

    @Test(
        "what two readers could understand differently is refused",
        arguments: [
            "", " ", "{", "[1", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "[1 2]", "1 2", "{}x", "nul",
            "tru",
            "+1", "01", "-01", "-0", "-", "1.0", "1e3", "1E3", ".5", "NaN", "Infinity",
            "9223372036854775808", "-9223372036854775809", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"",
            "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"a\nb\"", "\"\u{0}\"", "'a'", "\u{FEFF}{}",
            "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "[{\"b\":{\"a\":1,\"c\":2,\"a\":3}}]", "/**/1",
        ]
    )
    func refuses(text: String) {
        #expect(throws: FormatError.self) { try parse(text) }
    }

    @Test(
        "ill-formed UTF-8 is refused",
        arguments: [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xC3], [0xFF]]
    )
    func utf8(bytes: [UInt8]) {
        #expect(throws: FormatError.self) { try JSON(parsing: [0x22] + bytes + [0x22]) }
    }

    @Test("an error tells the place") func place() {
        #expect(throws: FormatError(place: "byte 5", found: "'x'", expected: "a value")) {
            try parse("{\"a\":x}")
        }
        #expect(throws: FormatError(place: "byte 1", found: "the end", expected: "a value")) {
            try parse("[")
        }
    }

    @Test("depth has a limit, which holds for objects too") func depth() throws {
        let nested = { (count: Int) in
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        _ = try parse(nested(JSON.maximumDepth))
        #expect(throws: FormatError.self) { try parse(nested(JSON.maximumDepth + 1)) }
        #expect(throws: FormatError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: FormatError.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
    }

    @Test("names are told apart by their bytes") func bytes() throws {
        // "é" as one code point and as two: equal for a String, not for a signature.
        let value = try parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test("no change of a byte or cut makes it trap") func mutations() throws {
        let text = Array("{\"a\":[1,-20,true,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\"é\":{\"c\":{}}}".utf8)
        for index in text.indices {
            _ = try? JSON(parsing: Array(text[..<index]))
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[index] = byte
                if let value = try? JSON(parsing: changed) { _ = value.canonical }
            }
        }
    }
}

@Suite("Canonical JSON") struct CanonicalJSONTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSON(parsing: Array(text.utf8)).canonical, as: UTF8.self)
    }

    @Test("white space and order of members do not matter") func order() throws {
        #expect(try canonical(" { \"b\" : 1 , \"a\" : [ true , null ] } ") == "{\"a\":[true,null],\"b\":1}")
    }

    @Test("only the quotation mark and the backslash are escaped") func escapes() throws {
        #expect(try canonical("\"\\\"\\\\\\n\\t\\u0001\\/\\u00e9\"") == "\"\\\"\\\\\n\t\u{1}/é\"")
    }

    @Test("members are in the order of code points, not of UTF-16 units") func codePoints() throws {
        let text = "{\"\u{1F600}\":1,\"\u{FFFD}\":2,\"z\":3,\"Z\":4,\"\":5,\"aa\":6,\"a\":7}"
        let expected = "{\"\":5,\"Z\":4,\"a\":7,\"aa\":6,\"z\":3,\"\u{FFFD}\":2,\"\u{1F600}\":1}"
        #expect(try canonical(text) == expected)
    }
}
