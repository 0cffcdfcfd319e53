// SPDX-License-Identifier: Apache-2.0

/// What is changed in the data sets of instances that come from elsewhere before an archive takes them as its
/// own: a table of rules for top level elements. What no rule names keeps its bytes, pixel data among it.
///
/// Where a data set is changed, it says so: its former values lie in Original Attributes Sequence
/// (0400,0561), with reason COERCE, and Contributing Equipment Sequence (0018,A001) names the box (PS3.3
/// Table C.12-1).
package struct Coercion: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// The element stays as it is, or absent; no other rule touches it either.
        case keep
        /// These text values instead of the element's own; added where it is absent.
        case replace([String])
        /// An element without a value; an absent one stays absent.
        case empty
        case remove
        /// These items instead of the sequence's own; added where it is absent.
        case items([DataSet])
        /// The item after the sequence's own, unless it is there: one with the same Patient ID (0010,0020)
        /// and the same issuer, or an equal one.
        case append(DataSet)
        /// Of Accession Number: the former one and its issuer go into the sequence for requests, and this
        /// takes its place. Images have Request Attributes Sequence (0040,0275) (PS3.3 Table 10-9),
        /// structured reports Referenced Request Sequence (0040,A370) (PS3.3 Table C.17-2); one that has a
        /// rule of its own stays out of it.
        case moveToRequest(leaving: String)
    }

    package struct Rule: Equatable, Sendable {
        package let tag: Tag
        package let action: Action
    }

    /// In ascending order of their tags, each tag once.
    package private(set) var rules: [Rule] = []
    package let equipment: ContributingEquipment
    package let record: ModificationRecord

    /// A table without rules changes nothing.
    package init(
        equipment: ContributingEquipment,
        record: ModificationRecord
    ) throws(CoercionError) {
        try equipment.validate()
        try record.validate()
        self.equipment = equipment
        self.record = record
    }

    /// Puts a rule in place of the one for the same element.
    package mutating func set(_ tag: Tag, _ action: Action) throws(CoercionError) {
        let name = Self.keyword(of: tag)
        if let reason = Self.refusal(of: tag) { throw .notCoercible(name, reason) }
        try Self.validate(action, tag, name)
        rules.removeAll { $0.tag == tag }
        rules.append(Rule(tag: tag, action: action))
        rules.sort { $0.tag < $1.tag }
    }

    /// Puts rules of a configuration, by keyword or by tag in eight hexadecimal digits, in place of the
    /// table's own. Accession Number is emptied or replaced as in `moveToRequest`. Patient ID is the caller's
    /// to say.
    package func changing(_ actions: [String: Action]) throws(CoercionError) -> Coercion {
        var changed = self
        for (keyword, action) in actions.sorted(by: { $0.key < $1.key }) {
            let tag = try Self.tag(keyword)
            guard tag != .patientID else { throw .notCoercible(keyword, .identity) }
            switch (tag, action) {
            case (.accessionNumber, .empty): try changed.set(tag, .moveToRequest(leaving: ""))
            case (.accessionNumber, .replace(let texts)) where texts.count == 1:
                try changed.set(tag, .moveToRequest(leaving: texts[0]))
            default: try changed.set(tag, action)
            }
        }
        return changed
    }

    private static func validate(_ action: Action, _ tag: Tag, _ name: String) throws(CoercionError) {
        let vr = DataDictionary.vr(of: tag)
        switch action {
        case .keep, .empty, .remove: break
        case .replace(let texts):
            guard vr.isText else { throw .notText(name) }
            for text in texts { try vr.validate(text, name) }
        case .items(let items):
            guard vr == .sq else { throw .notSequence(name) }
            guard items.allSatisfy(\.isPlain) else { throw .invalidValue(name) }
        case .append(let item):
            guard vr == .sq else { throw .notSequence(name) }
            guard item.isPlain else { throw .invalidValue(name) }
        case .moveToRequest(let text):
            guard tag == .accessionNumber else { throw .notSequence(name) }
            try vr.validate(text, name)
        }
    }
}

extension DataSet {
    /// Whether all text in it is ASCII, the same in every character set that a data set may have.
    fileprivate var isPlain: Bool {
        elements.allSatisfy { element in
            switch element.value {
            case .bytes(let bytes): element.vr.isBinary || bytes.allSatisfy { $0 < 0x80 && $0 != 0x1B }
            case .items(let items): items.allSatisfy(\.isPlain)
            }
        }
    }
}

/// A table of rules that is none.
package enum CoercionError: Error, Equatable, Sendable {
    package enum Reason: String, Sendable {
        /// Study, Series and SOP Instance UID, and every other UID: references hold by them.
        case uid = "a UID"
        case identity = "the identity that the caller says"
        case characterSet = "what all text depends on"
        case pixelData = "pixel data or its description"
        case fileMetaInformation = "no part of the data set"
        /// What the box writes itself, and what a change makes invalid.
        case provenance = "the record of changes"
        case privateElement = "a private element"
    }

    case unknownKeyword(String)
    case notCoercible(String, Reason)
    /// The element has no text values.
    case notText(String)
    case notSequence(String)
    /// The value is too long for its VR, or has characters that it may not have (PS3.5 Table 6.2-1).
    case invalidValue(String)
}

extension CoercionError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownKeyword(let name): "coercion: found \(name), expected the keyword of an element"
        case .notCoercible(let name, let reason):
            "coercion: \(name): found a rule for \(reason.rawValue), expected none"
        case .notText(let name): "coercion: \(name): found text, expected none in this element"
        case .notSequence(let name): "coercion: \(name): found an action that it does not know"
        case .invalidValue(let name): "coercion: \(name): found a value that its VR does not allow"
        }
    }
}
