// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Admin

@Suite("RFC 3339 times") struct TimestampTests {
    static let pairs: [(Int64, String)] = [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_164_800_123, "2024-02-29T00:00:00.123Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (1_795_480_147_737, "2026-11-24T00:29:07.737Z"),
    ]

    @Test("milliseconds and text are two forms of the same time", arguments: pairs)
    func bothWays(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
        #expect(Timestamp(text) == Timestamp(milliseconds: milliseconds))
    }

    @Test(
        "offsets, missing and long fractions are read",
        arguments: [
            ("2026-11-24T01:29:07+01:00", "2026-11-24T00:29:07.000Z"),
            ("2026-11-23T22:59:07.5-01:30", "2026-11-24T00:29:07.500Z"),
            ("2026-11-24t00:29:07.123456789z", "2026-11-24T00:29:07.123Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ]
    )
    func variants(text: String, expected: String) {
        #expect(Timestamp(text)?.description == expected)
    }

    @Test(
        "what is not a time is refused",
        arguments: [
            "", "2026", "2026-11-24", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z",
            "2026-11-24T00:00:00", "2026-11-24T00:00:00Zx", "2026-11-24 00:00:00Z", "2026-11-24T00:00:00.Z",
        ]
    )
    func refused(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test("every day of four centuries agrees with Foundation's calendar") func agreesWithFoundation() {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for day in stride(from: Int64(-30_000), to: 116_000, by: 13) {
            let parts = calendar.dateComponents(
                [.year, .month, .day],
                from: Date(timeIntervalSince1970: Double(day) * 86_400)
            )
            let expected = String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
            #expect(Timestamp(milliseconds: day * 86_400_000).description.hasPrefix(expected))
        }
    }
}
