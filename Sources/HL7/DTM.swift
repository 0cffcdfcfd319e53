// SPDX-License-Identifier: Apache-2.0

/// Times of HL7.
package enum DTM {
    /// YYYYMMDDhhmmss in UTC of a time with or without an offset; nil where it is none. A date alone is midnight of UTC.
    package static func utc(_ text: String) -> String? {
        secondsSince1970(text).map { seconds in
            let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
            let time = seconds - day * 86_400
            return civil(day) + pad(time / 3600) + pad(time / 60 % 60) + pad(time % 60)
        }
    }

    /// A time with or without an offset, on the scale that has no leap seconds; nil where it is none.
    package static func secondsSince1970(_ text: String) -> Int? {
        var digits = text[...]
        var offset = 0
        if let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            let zone = text[text.index(after: sign)...]
            guard zone.count == 4, let hours = Int(zone.prefix(2)), let minutes = Int(zone.suffix(2)) else {
                return nil
            }
            offset = (hours * 60 + minutes) * (text[sign] == "+" ? 1 : -1)
            digits = text[..<sign]
        }
        digits = digits.prefix { $0 != "." }
        guard [4, 6, 8, 10, 12, 14].contains(digits.count),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let parts = digits + String("00000101000000".dropFirst(digits.count))
        func number(_ from: Int, _ count: Int) -> Int { Int(parts.dropFirst(from).prefix(count)) ?? 0 }
        let (month, day, hour, minute, second) = (
            number(4, 2), number(6, 2), number(8, 2), number(10, 2), number(12, 2)
        )
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61 else {
            return nil
        }
        let minutes = days(number(0, 4), month, day) * 1440 + hour * 60 + minute - offset
        return minutes * 60 + second
    }

    /// YYYYMMDD
    package static func date(daysSince1970 days: Int) -> String { civil(days) }

    private static func pad(_ number: Int, _ width: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Days since 1970 in the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    private static func civil(_ days: Int) -> String {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        return pad(yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0), 4) + pad(civilMonth) + pad(day)
    }
}
