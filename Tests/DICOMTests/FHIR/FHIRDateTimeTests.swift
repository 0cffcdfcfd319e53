// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("FHIR: dates, times, names, identifiers") struct FHIRDateTimeTests {
    @Test(
        "as DICOM writes it, as FHIR writes it, and back",
        arguments: [
            ("20221215", "194700.5", "+0100", "2022-12-15T19:47:00.5+01:00"),
            ("20240229", "000000", "-0330", "2024-02-29T00:00:00-03:30"),
            ("19000301", "235960", "+0000", "1900-03-01T23:59:60+00:00"),
            ("20000229", "005759.000988", "+1400", "2000-02-29T00:57:59.000988+14:00"),
            ("19691231", "", "+0100", "1969-12-31"),
        ]
    )
    func bothWays(date: String, time: String, offset: String, text: String) throws {
        let moment = try #require(FHIRDateTime(date: date, time: time, offset: offset))
        #expect(moment.text == text)
        let read = try #require(FHIRDateTime(text))
        #expect(read == moment)
        let minutes = try #require(FHIRDateTime.minutes(offset))
        #expect(read.date(at: minutes) == date)
        #expect(read.time(at: minutes) == time)
        #expect(FHIRDateTime.offset(minutes) == offset)
    }

    @Test("every day of two centuries") func calendar() throws {
        var (year, month, day) = (1899, 1, 1)
        var last: Int?
        while year < 2101 {
            let date =
                String(year) + (month < 10 ? "0" : "") + String(month) + (day < 10 ? "0" : "") + String(day)
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            let moment = try #require(FHIRDateTime(date: date, time: "", offset: ""))
            if moment.date(at: 0) != date { Issue.record("\(date): \(moment.date(at: 0))") }
            last = day
            day += 1
            if day > length { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(last == 31)
    }

    @Test("a time at another offset, over midnight and the new year") func offsets() throws {
        let moment = try #require(FHIRDateTime("2024-01-01T00:30:15.25+02:00"))
        #expect(moment.date(at: 60) == "20231231")
        #expect(moment.time(at: 60) == "233015.25")
        #expect(moment.date(at: 840) == "20240101")
        #expect(try #require(FHIRDateTime("1970-01-01T00:00:00Z")).time(at: -1) == "235900")
    }

    @Test("hours and minutes alone are zero-filled") func coarse() {
        #expect(FHIRDateTime(date: "20240102", time: "0304", offset: "+0000")?.time(at: 0) == "030400")
        #expect(FHIRDateTime(date: "20240102", time: "03", offset: "+0000")?.time(at: 0) == "030000")
    }

    @Test(
        "what is no date or time",
        arguments: [
            "", "2024", "2024-01", "2024-13-01", "2023-02-29", "2024-01-01T", "2024-01-01T10:00:00",
            "2024-01-01T10:00Z", "2024-01-01T24:00:00Z", "2024-01-01T10:00:61Z", "2024-01-01T10:00:00.Z",
            "2024-01-01T10:00:00+1:00", "2024-01-01T10:00:00+0100 ", "2024-01-01 10:00:00Z", "+024-01-01",
        ]
    )
    func invalid(text: String) { #expect(FHIRDateTime(text) == nil) }

    @Test(
        "names keep their parts",
        arguments: [
            "DOE^John", "DOE", "DOE^John^Q R^Dr^Jr", "^John", "DOE^^^Dr", "DOE^^Q", "山田^太郎=やまだ^たろう",
            "A^B^C^D^E^F", "de la Tour^Marie Anne",
        ]
    )
    func names(name: String) throws {
        let value = FHIRHumanName.name(name, use: "official")
        #expect(try FHIRHumanName.text(FHIRElement(value, path: "name[0]")) == name)
    }

    @Test("empty parts at the end of a name say nothing") func emptyParts() throws {
        let value = FHIRHumanName.name("DOE^John^^^")
        #expect(value == ["family": "DOE", "given": ["John"]])
    }

    @Test("UIDs, as they are and as URNs") func uids() {
        for text in ["1.2.3", "urn:oid:1.2.3", "oid:1.2.3"] {
            #expect(FHIRIdentifier.uid(text) == UID(literal: "1.2.3"))
        }
        #expect(
            FHIRIdentifier.uid("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
                == UID(literal: "2.25.329800735698586629295641978511506172918")
        )
        for text in [
            "", "urn:oid:", "mado-bundle-1", "urn:uuid:f81d4fae",
            "urn:uuid:\(String(repeating: "x", count: 32))",
        ] {
            #expect(FHIRIdentifier.uid(text) == nil)
        }
    }

    @Test("code systems and authorities, both ways") func systems() {
        for scheme in ["SCT", "DCM", "LN", "99IHE", "http://example.org/codes"] {
            let system = FHIRIdentifier.system(scheme: scheme)
            #expect(system.map(FHIRIdentifier.scheme) == scheme)
            #expect(system?.contains(":") == true)
        }
        for authority in ["1.2.250.1.213.1.4.8", "HOSPITAL", "http://example.org/mrn"] {
            #expect(FHIRIdentifier.system(authority: authority).map(FHIRIdentifier.authority) == authority)
        }
    }

    @Test("names of entries are UUIDs of version 8") func entries() throws {
        let name = FHIRIdentifier.entry(UID(literal: "1.2.3"), "patient")
        #expect(
            name.wholeMatch(
                of: /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
            ) != nil
        )
        #expect(name != FHIRIdentifier.entry(UID(literal: "1.2.3"), "device"))
    }
}
