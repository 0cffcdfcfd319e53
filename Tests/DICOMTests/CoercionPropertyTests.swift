// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

/// The elements of a data set or item, read independently of the code under test.
struct TopLevel {
    struct Damaged: Error { let offset: Int }

    private(set) var elements: [(tag: UInt32, range: Range<Int>, value: Int, isUnknown: Bool)] = []
    let bytes: [UInt8]
    private let isImplicit: Bool

    init(_ bytes: [UInt8], isImplicit: Bool) throws {
        self.bytes = bytes
        self.isImplicit = isImplicit
        var offset = 0
        while offset < bytes.count {
            let start = offset
            let (tag, value, isUnknown) = try skip(&offset, isImplicit)
            elements.append((tag, start..<offset, value, isUnknown))
        }
    }

    subscript(tag: UInt32) -> [UInt8]? {
        elements.first { $0.tag == tag }.map { Array(bytes[$0.range]) }
    }

    /// The contents of a sequence's items.
    func items(_ tag: UInt32) -> [[UInt8]] {
        guard let element = elements.first(where: { $0.tag == tag }) else { return [] }
        var items: [[UInt8]] = []
        var offset = element.value
        while offset < element.range.upperBound, self.tag(offset) == 0xFFFE_E000 {
            let length = self.length(offset + 4)
            var end = offset + 8
            if length == .max {
                while self.tag(end) != 0xFFFE_E00D { _ = try? skip(&end, isImplicit || element.isUnknown) }
                items.append(Array(bytes[offset + 8..<end]))
                offset = end + 8
            } else {
                end += Int(length)
                items.append(Array(bytes[offset + 8..<end]))
                offset = end
            }
        }
        return items
    }

    private func tag(_ offset: Int) -> UInt32 {
        offset + 8 > bytes.count
            ? 0
            : UInt32(bytes[offset + 1]) << 24 | UInt32(bytes[offset]) << 16 | UInt32(bytes[offset + 3]) << 8
                | UInt32(bytes[offset + 2])
    }

    private func length(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    private func skip(_ offset: inout Int, _ isImplicit: Bool) throws -> (UInt32, Int, Bool) {
        let tag = tag(offset)
        guard tag != 0, offset + 8 <= bytes.count else { throw Damaged(offset: offset) }
        let vr = String(decoding: bytes[offset + 4..<offset + 6], as: UTF8.self)
        let isLong = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"].contains(
            vr
        )
        var count = UInt32.max
        if isImplicit || tag >> 16 == 0xFFFE {
            count = length(offset + 4)
            offset += 8
        } else if isLong {
            count = length(offset + 8)
            offset += 12
        } else {
            count = UInt32(bytes[offset + 6]) | UInt32(bytes[offset + 7]) << 8
            offset += 8
        }
        let value = offset
        let isUnknown = !isImplicit && vr == "UN"
        if count != .max {
            offset += Int(count)
        } else {
            while self.tag(offset) == 0xFFFE_E000 {
                let length = self.length(offset + 4)
                offset += 8
                if length != .max {
                    offset += Int(length)
                } else {
                    while self.tag(offset) != 0xFFFE_E00D { _ = try skip(&offset, isImplicit || isUnknown) }
                    offset += 8
                }
            }
            guard self.tag(offset) == 0xFFFE_E0DD else { throw Damaged(offset: offset) }
            offset += 8
        }
        guard offset <= bytes.count else { throw Damaged(offset: value) }
        return (tag, value, isUnknown)
    }
}

/// Data sets of random elements, some of them those that coercion changes.
struct RandomDataSet {
    var generator: SplitMix64
    let form: DataSetBytes.Form

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func text(_ words: [String]) -> String { words.randomElement(using: &generator) ?? "" }

    private static let texts: [(UInt32, String, [String])] = [
        (0x0008_0060, "CS", ["CT", "MR"]), (0x0008_0080, "LO", ["FAR HOSPITAL", ""]),
        (0x0008_1030, "LO", ["ABDOMEN", "THORAX "]), (0x0010_0010, "PN", ["DOE^JANE", "X"]),
        (0x0010_0020, "LO", ["FAR1", "IPP1", ""]), (0x0010_0021, "LO", ["FARNS", "HOSP"]),
        (0x0010_0030, "DA", ["19790328", ""]), (0x0010_0040, "CS", ["F", "M"]),
        (0x0018_1020, "LO", ["v1\\v2"]), (0x0020_000D, "UI", ["1.2.3"]), (0x0020_0013, "IS", ["7"]),
        (0x0008_0050, "SH", ["ACN1", "ACN22", "", "LOCAL1"]),
        (0x0008_0016, "UI", ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.59"]),
    ]
    private static let sequences: [UInt32] = [
        0x0008_0051, 0x0008_1140, 0x0010_0024, 0x0010_1002, 0x0018_A001, 0x0040_0275, 0x0040_A370,
        0x0040_A730, 0x0400_0561, 0x4FFE_0001,
    ]

    mutating func make() -> [UInt8] {
        var parts: [UInt32: [UInt8]] = [:]
        func put(_ tag: UInt32, _ fill: (inout DataSetBytes) -> Void) {
            var set = DataSetBytes(form)
            fill(&set)
            parts[tag] = set.bytes
        }
        if chance(50) {
            let value = text(["ISO_IR 100", "ISO_IR 192", "\\ISO 2022 IR 87"])
            put(0x0008_0005) { $0.element(0x0008_0005, "CS", value) }
        }
        for (tag, vr, values) in Self.texts where chance(70) {
            let value = text(values)
            put(tag) { $0.element(tag, vr, value) }
        }
        for tag in Self.sequences where chance(40) {
            let value = sequence(tag, depth: 0)
            parts[tag] = value
        }
        for group: UInt32 in [0x0008, 0x0010, 0x0018, 0x0020, 0x0040, 0x0400] where chance(10) {
            put(group << 16) { $0.element(group << 16, "UL", [4, 0, 0, 0]) }
        }
        if chance(50) {
            put(0x0009_0010) { $0.element(0x0009_0010, "LO", "PRIVATE") }
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            put(0x0011_1001) {
                $0.element(0x0011_1001, "UN", bytes.count.isMultiple(of: 2) ? bytes : bytes + [0])
            }
            put(0x0019_1002) { $0.unknownSequence(0x0019_1002) }
            if form == .implicit { parts[0x0019_1002] = nil }
        }
        if chance(30) { put(0x0040_DB0C) { $0.element(0x0040_DB0C, "UI", "1.2") } }
        if chance(60) {
            let isEncapsulated = form == .explicit && chance(50)
            let pixels = (0..<2 * Int.random(in: 0...4000, using: &generator)).map {
                UInt8(truncatingIfNeeded: $0)
            }
            put(0x7FE0_0010) {
                guard isEncapsulated else { return $0.element(0x7FE0_0010, "OW", pixels) }
                $0.element(0x7FE0_0010, "OB", [], length: .max)
                $0.item(0xFFFE_E000, 0)
                $0.item(0xFFFE_E000, UInt32(pixels.count))
                $0.bytes += pixels
                $0.item(0xFFFE_E0DD, 0)
            }
        }
        if parts[0x4FFE_0001] != nil { parts[0xFFFA_FFFA] = sequence(0xFFFA_FFFA, depth: 0) }
        if chance(20) { put(0xFFFC_FFFC) { $0.element(0xFFFC_FFFC, "OB", [0, 0, 0, 0]) } }
        return parts.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    private mutating func sequence(_ tag: UInt32, depth: Int) -> [UInt8] {
        var content = DataSetBytes(form)
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            var item = DataSetBytes(form)
            if chance(60) { item.element(0x0008_0050, "SH", text(["ACN1", "ACN22", "OTHER"])) }
            if chance(60) { item.element(0x0010_0020, "LO", text(["A", "279035121518989"])) }
            if depth < 3, chance(30) { item.bytes += sequence(0x0010_0024, depth: depth + 1) }
            if chance(50) { item.element(0x0040_0032, "UT", text(["1.2.250.1.213.1.4.8", "1.2.9"])) }
            let isUndefined = chance(50)
            content.item(0xFFFE_E000, isUndefined ? .max : UInt32(item.bytes.count))
            content.bytes += item.bytes
            if isUndefined { content.item(0xFFFE_E00D, 0) }
        }
        let isUndefined = chance(50)
        var set = DataSetBytes(form)
        set.element(tag, "SQ", content.bytes, length: isUndefined ? .max : nil)
        if isUndefined { set.item(0xFFFE_E0DD, 0) }
        return set.bytes
    }
}

@Suite("Coercion of whatever data set") struct CoercionPropertyTests {
    @Test(
        "the rest keeps its bytes, the record restores what was changed, the second time nothing changes",
        arguments: CoercionTests.forms,
        [UInt64](1...4)
    )
    func everyDataSet(form: DataSetBytes.Form, block: UInt64) throws {
        var changed = 0
        for seed in block * 1000..<block * 1000 + 250 {
            var random = RandomDataSet(generator: SplitMix64(seed), form: form)
            let bytes = random.make()
            var actions: [String: Coercion.Action] = [:]
            if random.chance(30) { actions["InstitutionName"] = .empty }
            if random.chance(30) { actions["StudyDescription"] = .remove }
            if random.chance(30) { actions["ProcedureCodeSequence"] = .empty }
            if random.chance(30) { actions["RequestAttributesSequence"] = .remove }
            if random.chance(30) { actions["IssuerOfPatientID"] = .keep }
            if random.chance(30) { actions["IssuerOfAccessionNumberSequence"] = .empty }
            if random.chance(10) { actions["IssuerOfAccessionNumberSequence"] = .keep }
            let table = try CoercionTests.table(
                national: random.chance(70) ? CoercionTests.nir : nil,
                accession: random.chance(60) ? .empty : random.chance(50) ? .keep : .local("LOCAL1"),
                changing: actions
            )
            let head = try table.head(of: ByteSource(bytes), transferSyntax: form.transferSyntax)
            if head.isChanged { changed += 1 }
            try check(bytes, head, table, form, "seed \(seed)")
        }
        #expect(changed > 150)
    }

    private func check(
        _ bytes: [UInt8],
        _ head: CoercedHead,
        _ table: Coercion,
        _ form: DataSetBytes.Form,
        _ seed: Comment
    ) throws {
        let isImplicit = form == .implicit
        for (first, second) in zip(head.edits, head.edits.dropFirst()) {
            #expect(first.range.upperBound < second.range.lowerBound, seed)
        }
        let result = head.edits.applied(to: bytes)
        let (before, after) = (
            try TopLevel(bytes, isImplicit: isImplicit), try TopLevel(result, isImplicit: isImplicit)
        )
        for (first, second) in zip(after.elements, after.elements.dropFirst()) {
            #expect(first.tag < second.tag, seed)
        }
        let again = try table.head(of: ByteSource(result), transferSyntax: form.transferSyntax)
        #expect(again.edits.isEmpty && again.warnings.isEmpty, seed)
        guard head.isChanged else { return #expect(result == bytes, seed) }

        let records = after.items(0x0400_0561)
        #expect(Array(records.dropLast()) == before.items(0x0400_0561), seed)
        #expect(Array(after.items(0x0018_A001).dropLast()) == before.items(0x0018_A001), seed)
        let record = try TopLevel(try #require(records.last), isImplicit: isImplicit)
        let item = try #require(record.items(0x0400_0550).first)
        let former = try TopLevel(item, isImplicit: isImplicit)
        var restored: [UInt32: [UInt8]] = [:]
        for element in after.elements { restored[element.tag] = after[element.tag] }
        for element in former.elements {
            let isEmpty = element.range.upperBound == element.value
            // Empty and absent have the same record.
            restored[element.tag] = isEmpty ? before[element.tag] : former[element.tag]
            if isEmpty, let element = before.elements.first(where: { $0.tag == element.tag }) {
                #expect(element.value == element.range.upperBound, seed)
            }
        }
        for element in before.elements {
            let tag = element.tag
            if [0x0400_0561, 0x0018_A001].contains(tag) { continue }
            if tag & 0xFFFF == 0, restored[tag] == nil { continue }
            #expect(restored[tag] == before[tag], "\(seed) \(Tag(rawValue: tag))")
        }
        for tag in restored.keys where ![0x0400_0561, 0x0018_A001].contains(tag) {
            #expect(before[tag] != nil, "\(seed) \(Tag(rawValue: tag))")
        }
    }

    @Test("damaged data sets are coerced or refused, never more", arguments: CoercionTests.forms)
    func damaged(form: DataSetBytes.Form) throws {
        let table = try CoercionTests.table(national: CoercionTests.nir, accession: .empty)
        for seed in UInt64(1)...600 {
            var random = RandomDataSet(generator: SplitMix64(seed), form: form)
            let bytes = random.make()
            let broken = random.generator.mutate(bytes)
            guard let head = try? table.head(of: ByteSource(broken), transferSyntax: form.transferSyntax)
            else {
                continue
            }
            var end = 0
            for edit in head.edits {
                #expect(edit.range.lowerBound >= end && edit.range.upperBound <= broken.count, "seed \(seed)")
                end = edit.range.upperBound
            }
        }
    }
}
