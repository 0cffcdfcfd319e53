// SPDX-License-Identifier: Apache-2.0
import Linux

/// A small data set held whole: a query's identifier, a commitment request, a manifest. Never an image, which
/// stays where it lies.
package struct DataSet: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        /// As in Little Endian, padded to even.
        case bytes([UInt8])
        case items([DataSet])
    }

    package struct Element: Equatable, Sendable {
        package let tag: Tag
        package let vr: VR
        package let value: Value
    }

    /// In ascending order of their tags, each tag once.
    package private(set) var elements: [Element] = []
    /// Of the text in `elements`: the data set's own, or that of the one around it.
    private(set) var characterSet = SpecificCharacterSet.default

    package init() {}

    init(inheriting characterSet: SpecificCharacterSet) {
        self.characterSet = characterSet
    }

    /// Elements in any order; the last counts where several have one tag. Hostile orders cost no more than
    /// sorting.
    init(_ elements: [Element], _ characterSet: SpecificCharacterSet) {
        self.characterSet = characterSet
        guard !zip(elements, elements.dropFirst()).allSatisfy({ $0.tag < $1.tag }) else {
            self.elements = elements
            return
        }
        let sorted = elements.enumerated().sorted {
            ($0.element.tag, $0.offset) < ($1.element.tag, $1.offset)
        }
        self.elements.reserveCapacity(sorted.count)
        for (_, element) in sorted {
            if self.elements.last?.tag == element.tag { self.elements.removeLast() }
            self.elements.append(element)
        }
    }

    package subscript(tag: Tag) -> Element? {
        let index = position(of: tag)
        return index < elements.count && elements[index].tag == tag ? elements[index] : nil
    }

    /// Puts an element in its place, instead of one with the same tag.
    package mutating func set(_ tag: Tag, _ vr: VR, _ value: Value) {
        let element = Element(tag: tag, vr: vr, value: value)
        let index = position(of: tag)
        if index < elements.count, elements[index].tag == tag {
            elements[index] = element
        } else {
            elements.insert(element, at: index)
        }
        if tag == .specificCharacterSet, case .bytes(let bytes) = value {
            characterSet = bytes.withRawSpan { SpecificCharacterSet($0, 0..<$0.byteCount) }
        }
    }

    private func position(of tag: Tag) -> Int {
        // What is read or written in order goes to the end.
        guard let last = elements.last, last.tag >= tag else { return elements.count }
        var range = elements.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = elements[middle].tag < tag ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

// MARK: - Reading values

extension DataSet {
    /// The values of an element of characters, without padding; none where it is absent, empty or no text.
    package func texts(_ tag: Tag) -> [String] {
        guard let element = self[tag], case .bytes(let bytes) = element.value, !bytes.isEmpty else {
            return []
        }
        let text = bytes.withRawSpan { span in
            let range = span.trimmed(0..<span.byteCount)
            guard element.vr.usesCharacterSet else { return span.string(range) }
            return characterSet.decodeAll(span, range, isPersonName: element.vr == .pn)
        }
        guard element.vr.mayHaveSeveralTexts else { return [text] }
        return text.split(separator: "\\", omittingEmptySubsequences: false).map { value in
            var value = value
            while value.last == " " || value.last == "\0" { value.removeLast() }
            while value.first == " " { value.removeFirst() }
            return String(value)
        }
    }

    /// The first value; nil where there is none.
    package func text(_ tag: Tag) -> String? {
        texts(tag).first.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What is no UID is left out.
    package func uids(_ tag: Tag) -> [UID] {
        texts(tag).compactMap { UID($0) }
    }

    package func uid(_ tag: Tag) -> UID? {
        uids(tag).first
    }

    /// The first value of IS, US, UL, SS or SL.
    package func integer(_ tag: Tag) -> Int? {
        guard let element = self[tag], case .bytes(let bytes) = element.value else { return nil }
        return bytes.withRawSpan { span in
            switch element.vr {
            case .us where bytes.count >= 2: Int(span.littleEndian(UInt16.self, at: 0))
            case .ss where bytes.count >= 2: Int(span.littleEndian(Int16.self, at: 0))
            case .ul where bytes.count >= 4: Int(span.littleEndian(UInt32.self, at: 0))
            case .sl where bytes.count >= 4: Int(span.littleEndian(Int32.self, at: 0))
            default: text(tag).flatMap { Int($0) }
            }
        }
    }

    /// The items of a sequence; none where it is absent or empty.
    package func items(_ tag: Tag) -> [DataSet] {
        guard case .items(let items) = self[tag]?.value else { return [] }
        return items
    }
}

// MARK: - Writing values

extension DataSet {
    /// An element without a value: in a query, what is to be returned (PS3.4 C.2.2.2.3).
    package mutating func setEmpty(_ tag: Tag) {
        let vr = DataDictionary.vr(of: tag)
        set(tag, vr, vr == .sq ? .items([]) : .bytes([]))
    }

    /// Text values in the dictionary's VR. What is not ASCII is written in the character set that `declare`
    /// announced; what that has not becomes "?".
    package mutating func set(_ tag: Tag, _ values: String...) {
        set(tag, texts: values)
    }

    package mutating func set(_ tag: Tag, texts values: [String]) {
        let vr = DataDictionary.vr(of: tag)
        var bytes = characterSet.encode(values.joined(separator: "\\"))
        if !bytes.count.isMultiple(of: 2) { bytes.append(vr == .ui ? 0 : 0x20) }
        set(tag, vr, .bytes(bytes))
    }

    package mutating func set(_ tag: Tag, uids: [UID]) {
        set(tag, texts: uids.map(\.string))
    }

    package mutating func set(_ tag: Tag, items: [DataSet]) {
        set(tag, .sq, .items(items))
    }

    /// Announces the smallest character set that has all of `texts`: none for ASCII, Latin 1 where it will do,
    /// since many archives know it, UTF-8 otherwise. To be called before non-ASCII text is set.
    package mutating func declareCharacterSet(for texts: [String]) {
        let scalars = texts.lazy.flatMap(\.unicodeScalars)
        if scalars.allSatisfy({ $0.isASCII }) { return }
        let isLatin = scalars.allSatisfy { $0.isASCII || (0xA0...0xFF).contains($0.value) }
        set(.specificCharacterSet, isLatin ? "ISO_IR 100" : "ISO_IR 192")
    }
}

extension VR {
    /// PS3.5 6.1.2.3: Specific Character Set applies to these.
    fileprivate var usesCharacterSet: Bool {
        switch self {
        case .lo, .lt, .pn, .sh, .st, .uc, .ut, .un: true
        default: false
        }
    }

    /// PS3.5 6.2: a backslash separates values, except in these.
    fileprivate var mayHaveSeveralTexts: Bool {
        switch self {
        case .lt, .st, .ut, .ur: false
        default: true
        }
    }
}
