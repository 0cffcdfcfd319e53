// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.18 8.3.4, 10.6 QIDO-RS queries") struct QIDOQueryTests {
    typealias Condition = QIDOQuery.Condition

    @Test("nothing asked for")
    func empty() throws {
        for text in [nil, "", "&", "PatientID=", "PatientID=*", "Modality=CT,*"] as [String?] {
            let query = try QIDOQuery.parse(level: .series, text)
            #expect(query.conditions.isEmpty)
            #expect(query.limit == nil && query.offset == 0 && !query.fuzzyMatching)
            #expect(query.includeField == .tags([]))
        }
    }

    @Test(
        "conditions",
        arguments: [
            ("StudyInstanceUID=1.2", .init(.studyInstanceUID, .uids([UID(literal: "1.2")]))),
            (
                "0020000d=1.2,1.3",
                .init(.studyInstanceUID, .uids([UID(literal: "1.2"), UID(literal: "1.3")]))
            ),
            (
                "0020000D=1.2%5C1.3",
                .init(.studyInstanceUID, .uids([UID(literal: "1.2"), UID(literal: "1.3")]))
            ),
            ("SOPClassUID=1.2", .init(.sopClassUID, .uids([UID(literal: "1.2")]))),
            ("PatientID=A+B%2BC%C3%A9", .init(.patientID, .text([.init("A B+Cé")]))),
            ("PatientID=a,b", .init(.patientID, .text([.init("a,b")]))),
            ("AccessionNumber=A*", .init(.accessionNumber, .text([.init("A*")]))),
            ("ModalitiesInStudy=CT%5CMR", .init(.modalitiesInStudy, .text([.init("CT"), .init("MR")]))),
            ("Modality=CT", .init(.modality, .text([.init("CT")]))),
            ("StudyDate=20240131", .init(.studyDate, .range(lower: "20240131", upper: "20240131"))),
            ("StudyDate=20240101-20240131", .init(.studyDate, .range(lower: "20240101", upper: "20240131"))),
            ("StudyDate=-20240131", .init(.studyDate, .range(lower: nil, upper: "20240131"))),
            ("StudyDate=20240131-", .init(.studyDate, .range(lower: "20240131", upper: nil))),
            ("StudyTime=10-1130", .init(.studyTime, .range(lower: "10", upper: "113059.999999"))),
            ("StudyTime=101112.5", .init(.studyTime, .range(lower: "101112.5", upper: "101112.599999"))),
            ("SeriesNumber=-3", .init(.seriesNumber, .integer(-3))),
            ("00200013=42", .init(.instanceNumber, .integer(42))),
        ] as [(String, Condition)]
    )
    func conditions(text: String, condition: Condition) throws {
        #expect(try QIDOQuery.parse(level: .instance, text).conditions == [condition])
    }

    @Test("wildcards are seen")
    func wildcards() {
        #expect(QIDOQuery.Pattern("A?").hasWildcards && QIDOQuery.Pattern("*A").hasWildcards)
        #expect(!QIDOQuery.Pattern("A%_").hasWildcards)
    }

    @Test("the other parameters")
    func parameters() throws {
        let query = try QIDOQuery.parse(
            level: .study,
            "limit=10&offset=20&fuzzymatching=true&includefield=00081030,PatientName&includefield=StudyID,x,PatientID"
        )
        #expect(query.limit == 10)
        #expect(query.offset == 20)
        #expect(query.fuzzyMatching)
        let tags: Set<Tag> = [Tag(0x0008, 0x1030), .patientName, Tag(0x0020, 0x0010), .patientID]
        #expect(query.includeField == .tags(tags))
        #expect(try QIDOQuery.parse(level: .study, "includefield=all&includefield=x").includeField == .all)
    }

    @Test("a key is searched at its level and below")
    func levels() throws {
        for key in QIDOQuery.Key.allCases {
            let value = key.tag.rawValue == 0x0008_0020 ? "20240101" : "10"
            for level in [QIDOQuery.Level.study, .series, .instance] {
                let parsed = Result {
                    try QIDOQuery.parse(level: level, "\(key.rawValue)=\(value)").conditions.first?.key
                }
                if key == .modality, level == .study {
                    // Asked of studies it means a study with such a series.
                    #expect(try parsed.get() == .modalitiesInStudy)
                } else if level >= key.level {
                    #expect(try parsed.get() == key)
                } else {
                    #expect(throws: QIDOError.unsupportedKey(key.rawValue)) { try parsed.get() }
                }
            }
        }
    }

    @Test(
        "what cannot be searched",
        arguments: [
            ("PatientName=A", .unsupportedKey("PatientName")), ("x%0Ay=1", .unsupportedKey("x?y")),
            ("patientid=1", .unsupportedKey("patientid")), ("=1", .unsupportedKey("")),
            ("PatientID=1&00100020=2", .duplicateKey("PatientID")),
            ("limit=1&limit=2", .duplicateKey("limit")),
            ("PatientID=%", .invalidEncoding), ("PatientID=%FF", .invalidEncoding),
            (
                "StudyInstanceUID=1.2*",
                .invalidValue(key: "StudyInstanceUID", expected: "UIDs of 1 to 64 digits and dots")
            ),
            ("StudyDate=2024", .invalidValue(key: "StudyDate", expected: "YYYYMMDD or a range of it")),
            ("StudyDate=-", .invalidValue(key: "StudyDate", expected: "YYYYMMDD or a range of it")),
            ("StudyDate=1-2-3", .invalidValue(key: "StudyDate", expected: "YYYYMMDD or a range of it")),
            ("StudyTime=1", .invalidValue(key: "StudyTime", expected: "HHMMSS.FFFFFF or a range of it")),
            ("limit=-1", .invalidValue(key: "limit", expected: "an integer from 0")),
            ("offset=x", .invalidValue(key: "offset", expected: "an integer from 0")),
            ("InstanceNumber=1*", .invalidValue(key: "InstanceNumber", expected: "an integer")),
            ("fuzzymatching=1", .invalidValue(key: "fuzzymatching", expected: "true or false")),
            (String(repeating: "a", count: 8193), .tooLong(limit: 8192)),
            (String(repeating: "a&", count: 65), .tooManyParameters(limit: 64)),
            (
                "Modality=" + String(repeating: "a,", count: 257),
                .invalidValue(key: "Modality", expected: "1 to 256 values")
            ),
        ] as [(String, QIDOError)]
    )
    func errors(text: String, error: QIDOError) {
        #expect(throws: error) { try QIDOQuery.parse(level: .instance, text) }
    }

    @Test("mutated queries never crash", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(6)
        let text = Array(
            "StudyInstanceUID=1.2%5C1.3&StudyDate=20240101-&StudyTime=10.5&limit=3&includefield=all".utf8
        )
        for _ in 0..<3000 {
            _ = try? QIDOQuery.parse(level: .instance, String(decoding: random.mutate(text), as: UTF8.self))
        }
    }
}
