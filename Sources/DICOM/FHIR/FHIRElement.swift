// SPDX-License-Identifier: Apache-2.0

/// A value of a FHIR document, and where it is: "entry[1].resource.series[0]".
struct FHIRElement {
    let value: FHIRValue
    let path: String

    init(_ value: FHIRValue, path: String) {
        self.value = value
        self.path = path
    }

    /// Nil where there is none, or the element is no object.
    subscript(_ name: String) -> FHIRElement? {
        guard case .object(let members) = value, let member = members.first(where: { $0.name == name }) else {
            return nil
        }
        return FHIRElement(member.value, path: path.isEmpty ? name : "\(path).\(name)")
    }

    func mismatch(_ expected: String) -> FHIRError {
        FHIRError(place: path, found: value.evidence, expected: expected)
    }

    func missing(_ name: String, _ expected: String) -> FHIRError {
        FHIRError(place: path.isEmpty ? name : "\(path).\(name)", found: "none", expected: expected)
    }

    func required(_ name: String, _ expected: String) throws(FHIRError) -> FHIRElement {
        guard let element = self[name] else { throw missing(name, expected) }
        return element
    }

    /// The elements of a list; none where it is absent.
    func list(_ name: String) throws(FHIRError) -> [FHIRElement] {
        guard let element = self[name] else { return [] }
        guard case .array(let values) = element.value else { throw element.mismatch("a list") }
        return values.enumerated().map { index, value in
            FHIRElement(value, path: "\(element.path)[\(index)]")
        }
    }

    func string() throws(FHIRError) -> String {
        guard case .string(let text) = value else { throw mismatch("a text") }
        return text
    }

    /// The text of a member; nil where it is absent.
    func string(_ name: String) throws(FHIRError) -> String? {
        try self[name]?.string()
    }

    /// The number of a member, 0 or more; nil where it is absent.
    func count(_ name: String) throws(FHIRError) -> Int? {
        guard let element = self[name] else { return nil }
        guard case .number(let digits) = element.value, let number = Int(digits), number >= 0 else {
            throw element.mismatch("a number of 0 or more")
        }
        return number
    }

    /// A UID, as it is or as a URN ("urn:oid:…", "oid:…", "urn:uuid:…").
    func uid() throws(FHIRError) -> UID {
        guard let uid = FHIRIdentifier.uid(try string()) else { throw mismatch("a UID") }
        return uid
    }

    func uid(_ name: String) throws(FHIRError) -> UID {
        try required(name, "a UID").uid()
    }

    /// The `value…` of an extension by its URL.
    func `extension`(_ url: String, _ value: String) throws(FHIRError) -> FHIRElement? {
        for element in try list("extension") where try element.string("url") == url { return element[value] }
        return nil
    }

    /// Whether a coding of this code is among those of a CodeableConcept.
    func hasCode(_ code: String, of system: String) throws(FHIRError) -> Bool {
        for coding in try list("coding") {
            if try coding.string("code") == code, try coding.string("system") == system { return true }
        }
        return false
    }
}
