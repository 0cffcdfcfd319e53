// SPDX-License-Identifier: Apache-2.0
import Linux

/// One data set while rules are applied to it: the edits, and the former values of what they change.
struct CoercionChange {
    private let places: ElementPlaces
    private let isImplicit: Bool
    /// Elements that rules name: no other rule touches them.
    private let ruled: Set<Tag>
    private var characterSet = SpecificCharacterSet.default
    private var pieces: [(tag: Tag, edit: DataSetEdit)] = []
    /// Elements as they were, encoded as in the data set.
    private var former: [Tag: [UInt8]] = [:]
    private var changedGroups: Set<UInt16> = []
    private(set) var warnings: [CoercedHead.Warning] = []

    init(places: ElementPlaces, rules: [Coercion.Rule], isImplicit: Bool) {
        self.places = places
        ruled = Set(rules.map(\.tag))
        self.isImplicit = isImplicit
    }

    /// In ascending order; those that touch one another as one.
    var edits: [DataSetEdit] {
        // What is added at one place comes in the order of the tags.
        let sorted = pieces.sorted {
            ($0.edit.range.lowerBound, $0.tag) < ($1.edit.range.lowerBound, $1.tag)
        }
        var edits: [DataSetEdit] = []
        for (_, edit) in sorted {
            if let last = edits.last, last.range.upperBound == edit.range.lowerBound {
                edits[edits.count - 1] = DataSetEdit(
                    range: last.range.lowerBound..<edit.range.upperBound,
                    bytes: last.bytes + edit.bytes
                )
            } else {
                edits.append(edit)
            }
        }
        return edits
    }

    private var syntax: UID {
        isImplicit ? TransferSyntax.implicitVRLittleEndian : TransferSyntax.explicitVRLittleEndian
    }

    // MARK: Reading

    mutating func readCharacterSet(_ source: inout some DataSetSource) throws(DataSetError) {
        let value = try self.value(.specificCharacterSet, &source)
        characterSet = value.withRawSpan { SpecificCharacterSet($0, 0..<$0.byteCount) }
    }

    private func bytes(
        _ tag: Tag,
        _ range: Range<Int>,
        _ source: inout some DataSetSource
    ) throws(DataSetError) -> [UInt8] {
        guard range.count <= Coercion.maximumLength else {
            throw .headerTooLong(tag, end: range.upperBound, limit: range.lowerBound + Coercion.maximumLength)
        }
        if range.isEmpty { return [] }
        let bytes = try source.read(at: range.lowerBound, count: range.count)
        guard bytes.count == range.count else {
            throw .truncated(tag, offset: range.lowerBound + bytes.count)
        }
        return bytes
    }

    private func value(_ tag: Tag, _ source: inout some DataSetSource) throws(DataSetError) -> [UInt8] {
        try bytes(tag, places[tag].value, &source)
    }

    /// Header and value; nothing where the element is absent.
    private func element(_ tag: Tag, _ source: inout some DataSetSource) throws(DataSetError) -> [UInt8] {
        try bytes(tag, places[tag].range, &source)
    }

    private func items(_ tag: Tag, _ source: inout some DataSetSource) throws(DataSetError) -> [DataSet] {
        var element = try self.element(tag, &source)
        guard let header = places[tag].header else { return [] }
        var syntax = self.syntax
        if try itemsAreImplicit(tag, header), !isImplicit, !header.hasUndefinedLength {
            // PS3.5 6.2.2: the value of UN is in Implicit VR Little Endian; so is the sequence made of it.
            element = encode(tag, .sq, Array(element[header.size...]), isImplicit: true)
            syntax = TransferSyntax.implicitVRLittleEndian
        }
        return try DataSet(decoding: element, transferSyntax: syntax).items(tag)
    }

    /// - Throws: `invalidVR` where the element is no sequence.
    private func itemsAreImplicit(_ tag: Tag, _ header: ElementHeader?) throws(DataSetError) -> Bool {
        guard !isImplicit, let header else { return isImplicit }
        if header.vr == .sq { return false }
        guard header.vr == .un else {
            throw .invalidVR(tag, found: header.vr?.rawValue ?? 0, offset: places[tag].range.lowerBound)
        }
        return true
    }

    // MARK: Rules

    mutating func apply(
        _ rule: Coercion.Rule,
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        let tag = rule.tag
        switch rule.action {
        case .keep: break
        case .replace(let texts): try replace(tag, texts, &source)
        case .empty:
            if try !trimmed(value(tag, &source)).isEmpty {
                try change(
                    tag,
                    to: encode(tag, DataDictionary.vr(of: tag), [], isImplicit: isImplicit),
                    &source
                )
            }
        case .remove:
            if places.isPresent(tag) { try change(tag, to: [], &source) }
        case .items(let items):
            let found = try self.items(tag, &source)
            if !places.isPresent(tag) || found != items {
                var changed = DataSet()
                changed.set(tag, items: items)
                try change(tag, to: changed.encode(transferSyntax: syntax), &source)
            }
        case .append(let item):
            if try !items(tag, &source).contains(where: { isSame($0, item) }) {
                try append(item, to: tag, &source)
            }
        case .moveToRequest(let text): try moveToRequest(text, &source)
        }
    }

    private mutating func replace(
        _ tag: Tag,
        _ texts: [String],
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        let (found, wanted) = (try value(tag, &source), try written(tag, texts))
        guard trimmed(found) != trimmed(wanted) || !places.isPresent(tag) else { return }
        try change(tag, to: encode(tag, DataDictionary.vr(of: tag), wanted, isImplicit: isImplicit), &source)
    }

    private mutating func moveToRequest(
        _ text: String,
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        let number = trimmed(try value(.accessionNumber, &source))
        let wanted = try written(.accessionNumber, [text])
        guard number != trimmed(wanted) else { return }
        let issuer = try items(.issuerOfAccessionNumberSequence, &source)
        let written = encode(.accessionNumber, .sh, wanted, isImplicit: isImplicit)
        try change(.accessionNumber, to: written, &source)
        if places.isPresent(.issuerOfAccessionNumberSequence),
            !ruled.contains(.issuerOfAccessionNumberSequence)
        {
            try change(.issuerOfAccessionNumberSequence, to: [], &source)
        }
        if number.isEmpty { return }
        let classUID = try value(.sopClassUID, &source).withRawSpan { UID($0, 0..<$0.byteCount) }
        let isReport = classUID?.string.hasPrefix("1.2.840.10008.5.1.4.1.1.88.") == true
        let sequence: Tag = isReport ? .referencedRequestSequence : .requestAttributesSequence
        if ruled.contains(sequence) { return }
        let isThere = try items(sequence, &source).contains {
            guard case .bytes(let value) = $0[.accessionNumber]?.value else { return false }
            return trimmed(value) == number
        }
        if isThere { return }
        var item = DataSet()
        item.set(.accessionNumber, .sh, .bytes(number.count.isMultiple(of: 2) ? number : number + [0x20]))
        if !issuer.isEmpty { item.set(.issuerOfAccessionNumberSequence, items: issuer) }
        if isReport {
            item.set(.studyInstanceUID, .ui, .bytes(try value(.studyInstanceUID, &source)))
            for tag: Tag in [
                .referencedStudySequence, .requestedProcedureDescription, .requestedProcedureCodeSequence,
                .requestedProcedureID, .placerOrderNumberImagingServiceRequest,
                .fillerOrderNumberImagingServiceRequest,
            ] { item.setEmpty(tag) }
        }
        try append(item, to: sequence, &source)
    }

    /// Whether `item` says what `other` says of a patient.
    private func isSame(_ item: DataSet, _ other: DataSet) -> Bool {
        func issuer(_ item: DataSet) -> [String?] {
            let qualifiers = item.items(.issuerOfPatientIDQualifiersSequence).first
            return [item.text(.issuerOfPatientID), qualifiers?.text(.universalEntityID)]
        }
        if item == other { return true }
        guard let identifier = other.text(.patientID), item.text(.patientID) == identifier else {
            return false
        }
        let (found, wanted) = (issuer(item), issuer(other))
        // An OID says more than a namespace, which may stand beside it.
        return wanted[1] != nil ? found[1] == wanted[1] : found == wanted
    }

    // MARK: Changing

    private mutating func change(
        _ tag: Tag,
        to bytes: [UInt8],
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        try remember(tag, &source)
        add(tag, DataSetEdit(range: places[tag].range, bytes: bytes))
    }

    /// PS3.3 Table C.12-1 asks for what was modified or removed; what was added is there without a value, so
    /// that it is known to be none of the sender's.
    private mutating func remember(_ tag: Tag, _ source: inout some DataSetSource) throws(DataSetError) {
        let element = try self.element(tag, &source)
        let vr = DataDictionary.vr(of: tag)
        former[tag] = element.isEmpty ? encode(tag, vr, [], isImplicit: isImplicit) : element
    }

    private mutating func add(_ tag: Tag, _ edit: DataSetEdit) {
        if edit.range.isEmpty && edit.bytes.isEmpty { return }
        changedGroups.insert(tag.group)
        pieces.append((tag, edit))
    }

    private mutating func append(
        _ item: DataSet,
        to tag: Tag,
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        try remember(tag, &source)
        try append(item, to: tag)
    }

    /// Adds an item behind those that are there, which keep their bytes.
    private mutating func append(_ item: DataSet, to tag: Tag) throws(DataSetError) {
        let place = places[tag]
        let isImplicit = try itemsAreImplicit(tag, place.header)
        let content = item.encode(
            transferSyntax: isImplicit
                ? TransferSyntax.implicitVRLittleEndian : TransferSyntax.explicitVRLittleEndian
        )
        let bytes = Self.item(content)
        guard let header = place.header else {
            return add(
                tag,
                DataSetEdit(range: place.range, bytes: encode(tag, .sq, bytes, isImplicit: self.isImplicit))
            )
        }
        if header.hasUndefinedLength {
            // In front of the sequence delimitation item.
            let end = place.range.upperBound - 8
            return add(tag, DataSetEdit(range: end..<end, bytes: bytes))
        }
        guard let length = UInt32(exactly: header.length + bytes.count), length < .max else {
            throw .headerTooLong(tag, end: place.range.upperBound, limit: Int(UInt32.max))
        }
        let field = place.value.lowerBound - 4..<place.value.lowerBound
        add(tag, DataSetEdit(range: field, bytes: Self.littleEndian(length)))
        add(tag, DataSetEdit(range: place.range.upperBound..<place.range.upperBound, bytes: bytes))
    }
}

// MARK: - The record

extension CoercionChange {
    /// Adds what a changed data set carries besides: the record of the change and the box. They are no part
    /// of the former values: without their last items they are as before.
    mutating func finish(
        _ coercion: Coercion,
        _ source: inout some DataSetSource
    ) throws(DataSetError) {
        guard !pieces.isEmpty else {
            warnings = []
            return
        }
        if places.isPresent(.macParametersSequence) {
            for tag: Tag in [.macParametersSequence, .digitalSignaturesSequence] where places.isPresent(tag) {
                try change(tag, to: [], &source)
            }
            warnings.append(.signaturesRemoved)
        }
        try append(equipmentItem(coercion.equipment), to: .contributingEquipmentSequence)
        try append(recordItem(coercion.record), to: .originalAttributesSequence)
        removeLengths()
    }

    private mutating func removeLengths() {
        let lengths = changedGroups.map { Tag($0, 0) }.sorted() + [.lengthToEnd]
        for tag in lengths where places.isPresent(tag) {
            add(tag, DataSetEdit(range: places[tag].range, bytes: []))
        }
    }

    private mutating func equipmentItem(
        _ equipment: Coercion.ContributingEquipment
    ) throws(DataSetError) -> DataSet {
        var purpose = DataSet()
        purpose.set(.codeValue, "109103")
        purpose.set(.codingSchemeDesignator, "DCM")
        purpose.set(.codeMeaning, "Modifying Equipment")
        var item = DataSet(inheriting: characterSet)
        item.set(.purposeOfReferenceCodeSequence, items: [purpose])
        for (tag, text) in equipment.values where !text.isEmpty {
            item.set(tag, DataDictionary.vr(of: tag), .bytes(try written(tag, [text])))
        }
        return item
    }

    private mutating func recordItem(
        _ record: Coercion.ModificationRecord
    ) throws(DataSetError) -> DataSet {
        var elements: [UInt8] = []
        for (_, element) in former.sorted(by: { $0.key < $1.key }) { elements += element }
        if try itemsAreImplicit(.originalAttributesSequence, places[.originalAttributesSequence].header),
            !isImplicit
        {
            elements = try DataSet(decoding: elements, transferSyntax: syntax)
                .encode(transferSyntax: TransferSyntax.implicitVRLittleEndian)
        }
        var item = DataSet(inheriting: characterSet)
        item.set(.modifiedAttributesSequence, .sq, .bytes(Self.item(elements)))
        for (tag, text) in record.values {
            item.set(tag, DataDictionary.vr(of: tag), .bytes(try written(tag, [text])))
        }
        return item
    }
}

// MARK: - Writing

extension CoercionChange {
    /// The values in the data set's character set, padded to even.
    private mutating func written(_ tag: Tag, _ texts: [String]) throws(DataSetError) -> [UInt8] {
        let text = texts.joined(separator: "\\")
        var bytes: [UInt8]
        if characterSet.has(text) {
            bytes = characterSet.encode(text)
        } else {
            let isIdentifier =
                switch tag {
                case .patientID, .issuerOfPatientID, .accessionNumber: true
                default: DataDictionary.vr(of: tag) == .ut
                }
            guard !isIdentifier, let folded = ASCIIFolding.fold(text) else { throw .notEncodable(tag) }
            warnings.append(.folded(tag))
            bytes = Array(folded.utf8)
        }
        if !bytes.count.isMultiple(of: 2) { bytes.append(DataDictionary.vr(of: tag) == .ui ? 0 : 0x20) }
        return bytes
    }

    private func encode(_ tag: Tag, _ vr: VR, _ value: [UInt8], isImplicit: Bool) -> [UInt8] {
        var dataSet = DataSet()
        dataSet.set(tag, vr, .bytes(value))
        return dataSet.encode(
            transferSyntax: isImplicit
                ? TransferSyntax.implicitVRLittleEndian : TransferSyntax.explicitVRLittleEndian
        )
    }

    private static func item(_ content: [UInt8]) -> [UInt8] {
        [0xFE, 0xFF, 0x00, 0xE0] + littleEndian(UInt32(truncatingIfNeeded: content.count)) + content
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private func trimmed(_ value: [UInt8]) -> [UInt8] {
        value.withRawSpan { $0.array($0.trimmed(0..<$0.byteCount)) }
    }
}

/// Latin text without diacritics, in ASCII.
enum ASCIIFolding {
    /// Nil where a character has no form in ASCII.
    static func fold(_ text: String) -> String? {
        var folded = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                folded.unicodeScalars.append(scalar)
            } else if scalar.properties.generalCategory != .nonspacingMark {
                guard let base = base(scalar) else { return nil }
                folded += base
            }
        }
        return folded
    }

    private static func base(_ scalar: Unicode.Scalar) -> String? {
        switch scalar {
        case "ß": return "ss"
        case "æ": return "ae"
        case "Æ": return "AE"
        case "œ": return "oe"
        case "Œ": return "OE"
        case "ð": return "d"
        case "Ð": return "D"
        case "þ": return "th"
        case "Þ": return "TH"
        case "ı": return "i"
        case "\u{2018}", "\u{2019}", "\u{02BC}", "\u{B4}": return "'"
        case "\u{2010}"..."\u{2015}": return "-"
        case "\u{A0}", "\u{202F}", "\u{2009}": return " "
        default: break
        }
        // "LATIN SMALL LETTER E WITH ACUTE"
        guard let name = scalar.properties.name else { return nil }
        let words = name.split(separator: " ")
        guard words.count >= 6, words[0] == "LATIN", words[2] == "LETTER", words[3].utf8.count == 1,
            words[4] == "WITH"
        else { return nil }
        return words[1] == "SMALL" ? words[3].lowercased() : String(words[3])
    }
}
