// SPDX-License-Identifier: Apache-2.0

/// Dates and times as DICOM (PS3.5 6.2: DA, TM, and the document's offset from UTC) and FHIR (R4 2.24.0.1) write
/// them.
package struct FHIRDateTime: Equatable {
    /// Days since 1970-01-01.
    private var day: Int
    /// Since midnight; nil where only the date is known.
    private var minute: Int?
    /// Seconds and their fraction, as they are written: "59" or "59.000988".
    private var seconds: Substring = ""
    /// From UTC, in minutes; nil where the text has none.
    private(set) var offset: Int?

    // MARK: DICOM

    /// The date alone where `time` is empty; nil where either is invalid. What a time leaves out is zero, as
    /// FHIR wants it of seconds.
    init?(date: String, time: String, offset: String) {
        guard date.utf8.count == 8,
            let day = Self.day(date.prefix(4), date.dropFirst(4).prefix(2), date.suffix(2))
        else { return nil }
        self.day = day
        guard !time.isEmpty else { return }
        guard let offset = Self.minutes(offset) else { return nil }
        self.offset = offset
        let parts = time.split(separator: ".", omittingEmptySubsequences: false)
        let digits = parts[0]
        guard parts.count <= 2, [2, 4, 6].contains(digits.utf8.count),
            parts.count == 1 || digits.utf8.count == 6,
            let hour = Self.number(digits.prefix(2), below: 24),
            let minute = digits.count > 2 ? Self.number(digits.dropFirst(2).prefix(2), below: 60) : 0
        else { return nil }
        self.minute = hour * 60 + minute
        seconds = digits.utf8.count == 6 ? time.dropFirst(4) : "00"
        guard Self.isSeconds(seconds) else { return nil }
    }

    /// YYYYMMDD at an offset from UTC of so many minutes.
    func date(at offset: Int) -> String {
        Self.text(local(at: offset).day, separator: "")
    }

    /// HHMMSS and the fraction at an offset from UTC; empty where only the date is known.
    func time(at offset: Int) -> String {
        guard let minute = local(at: offset).minute else { return "" }
        return Self.padded(minute / 60, 2) + Self.padded(minute % 60, 2) + seconds
    }

    private func local(at other: Int) -> (day: Int, minute: Int?) {
        guard let minute, let offset else { return (day, minute) }
        let moved = day * 1440 + minute + other - offset
        let day = moved >= 0 ? moved / 1440 : (moved - 1439) / 1440
        return (day, moved - day * 1440)
    }

    /// Minutes of an offset such as "+0100"; nil where it is none.
    static func minutes(_ text: String) -> Int? {
        guard text.utf8.count == 5, let sign = text.first, sign == "+" || sign == "-",
            let hours = number(text.dropFirst().prefix(2), below: 15),
            let minutes = number(text.suffix(2), below: 60)
        else { return nil }
        return (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
    }

    /// "+0100" for 60.
    static func offset(_ minutes: Int) -> String {
        (minutes < 0 ? "-" : "+") + padded(abs(minutes) / 60, 2) + padded(abs(minutes) % 60, 2)
    }

    /// YYYYMMDDHHMMSS in UTC, as XDS has it; YYYYMMDD where only the date is known.
    package var utc: String { date(at: 0) + time(at: 0).prefix(6) }

    // MARK: FHIR

    /// A `dateTime` of a day at least, an `instant` or a `date`; nil where it is coarser or invalid.
    package init?(_ text: String) {
        let date = text.prefix(10)
        let parts = date.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let day = Self.day(parts[0], parts[1], parts[2]) else { return nil }
        self.day = day
        var rest = text.dropFirst(10)
        guard !rest.isEmpty else { return }
        guard rest.first == "T" else { return nil }
        rest = rest.dropFirst()
        let clock = rest.prefix { $0 != "Z" && $0 != "+" && $0 != "-" }
        let zone = rest.dropFirst(clock.count)
        let numbers = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 3, let hour = Self.number(numbers[0], below: 24),
            let minute = Self.number(numbers[1], below: 60), Self.isSeconds(numbers[2])
        else { return nil }
        self.minute = hour * 60 + minute
        seconds = numbers[2]
        if zone == "Z" {
            offset = 0
        } else {
            guard zone.utf8.count == 6, let minutes = Self.minutes(zone.filter { $0 != ":" }) else {
                return nil
            }
            offset = minutes
        }
    }

    var text: String {
        let date = Self.text(day, separator: "-")
        guard let minute, let offset else { return date }
        let zone = Self.offset(offset)
        return "\(date)T\(Self.padded(minute / 60, 2)):\(Self.padded(minute % 60, 2)):\(seconds)"
            + "\(zone.prefix(3)):\(zone.suffix(2))"
    }

    /// A date as FHIR writes it, of YYYYMMDD; nil where that is none.
    static func date(_ date: String) -> String? {
        FHIRDateTime(date: date, time: "", offset: "")?.text
    }

    // MARK: Calendar

    private static func number(_ text: some StringProtocol, below limit: Int) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text), number < limit
        else {
            return nil
        }
        return number
    }

    /// "SS" with up to six digits of a fraction.
    private static func isSeconds(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts[0].utf8.count == 2, number(parts[0], below: 61) != nil else { return false }
        return parts.count == 1
            || parts.count == 2 && (1...9).contains(parts[1].utf8.count)
                && number(parts[1], below: .max) != nil
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    private static func day(_ year: Substring, _ month: Substring, _ day: Substring) -> Int? {
        let widths = [year.utf8.count, month.utf8.count, day.utf8.count]
        guard widths == [4, 2, 2], let year = number(year, below: 10_000),
            let month = number(month, below: 13),
            let day = number(day, below: 32), year > 0, month > 0, day > 0
        else { return nil }
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[month - 1] else { return nil }
        return days(before: year) + lengths.prefix(month - 1).reduce(0, +) + day - 1
    }

    /// Days from 1970-01-01 to the first of January.
    private static func days(before year: Int) -> Int {
        let past = year - 1
        return 365 * past + past / 4 - past / 100 + past / 400 - 719_162
    }

    private static func text(_ day: Int, separator: String) -> String {
        var year = 1970 + day / 366
        while days(before: year) > day { year -= 1 }
        while days(before: year + 1) <= day { year += 1 }
        var rest = day - days(before: year)
        let isLeap = days(before: year + 1) - days(before: year) == 366
        var month = 1
        for length in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if rest < length { break }
            rest -= length
            month += 1
        }
        return [padded(year, 4), padded(month, 2), padded(rest + 1, 2)].joined(separator: separator)
    }
}
