// SPDX-License-Identifier: Apache-2.0

/// An object's members with the path to them, for errors that name the place.
package struct Fields {
    package let members: NameMap<JSON>
    package let path: String

    package init(_ value: JSON, _ path: String) throws(FormatError) {
        guard case .object(let members) = value else {
            throw FormatError(place: path, found: value.evidence, expected: "an object")
        }
        self.members = members
        self.path = path
    }

    package func place(_ name: String) -> String { "\(path).\(name.shown)" }

    package func value(_ name: String) throws(FormatError) -> JSON {
        guard let value = members[name] else {
            throw FormatError(place: place(name), found: "nothing", expected: "a value")
        }
        return value
    }

    package func fields(_ name: String) throws(FormatError) -> Fields {
        try Fields(try value(name), place(name))
    }

    package func fields(ifAny name: String) throws(FormatError) -> Fields? {
        guard let value = members[name] else { return nil }
        return try Fields(value, place(name))
    }

    package func string(_ name: String) throws(FormatError) -> String {
        try Self.string(try value(name), place(name))
    }

    package func integer(_ name: String, atLeast minimum: Int) throws(FormatError) -> Int {
        let found = try value(name)
        guard case .integer(let integer) = found, integer >= minimum else {
            throw FormatError(
                place: place(name),
                found: found.evidence,
                expected: "an integer of at least \(minimum)"
            )
        }
        return integer
    }

    package func integer(ifAny name: String, atLeast minimum: Int) throws(FormatError) -> Int? {
        members[name] == nil ? nil : try integer(name, atLeast: minimum)
    }

    package func bool(_ name: String) throws(FormatError) -> Bool {
        let found = try value(name)
        guard case .bool(let bool) = found else {
            throw FormatError(place: place(name), found: found.evidence, expected: "true or false")
        }
        return bool
    }

    package func array(_ name: String) throws(FormatError) -> [JSON] {
        let found = try value(name)
        guard case .array(let elements) = found else {
            throw FormatError(place: place(name), found: found.evidence, expected: "an array")
        }
        return elements
    }

    package func strings(_ name: String) throws(FormatError) -> [String] {
        var strings: [String] = []
        for (index, element) in try array(name).enumerated() {
            strings.append(try Self.string(element, "\(place(name))[\(index)]"))
        }
        return strings
    }

    package static func string(_ value: JSON, _ place: String) throws(FormatError) -> String {
        guard case .string(let string) = value else {
            throw FormatError(place: place, found: value.evidence, expected: "a string")
        }
        return string
    }
}
