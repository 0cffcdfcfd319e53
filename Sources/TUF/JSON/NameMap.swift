// SPDX-License-Identifier: Apache-2.0

/// Values by name, where names are the same only if their bytes are.
///
/// A `Dictionary` compares strings by Unicode's canonical equivalence, so that two roles or targets whose
/// signed names differ in bytes could stand for each other. Entries are kept in the order of their UTF-8 bytes,
/// which is the order of code points that canonical JSON wants.
package struct NameMap<Value> {
    package struct Entry {
        package let name: String
        package var value: Value
    }

    package private(set) var entries: [Entry] = []

    package init() {}

    /// Nil when a name occurs twice.
    init?(unsorted: [Entry]) {
        entries = unsorted.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (entry, next) in zip(entries, entries.dropFirst()) where entry.name.hasSameBytes(as: next.name) {
            return nil
        }
    }

    package subscript(name: String) -> Value? {
        get {
            let index = firstIndex(notBefore: name)
            guard index < entries.count, entries[index].name.hasSameBytes(as: name) else { return nil }
            return entries[index].value
        }
        set {
            let index = firstIndex(notBefore: name)
            let isThere = index < entries.count && entries[index].name.hasSameBytes(as: name)
            switch (newValue, isThere) {
            case (let value?, true): entries[index].value = value
            case (let value?, false): entries.insert(Entry(name: name, value: value), at: index)
            case (nil, true): entries.remove(at: index)
            case (nil, false): break
            }
        }
    }

    private func firstIndex(notBefore name: String) -> Int {
        var range = 0..<entries.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if entries[middle].name.utf8.lexicographicallyPrecedes(name.utf8) {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}

extension NameMap.Entry: Sendable where Value: Sendable {}
extension NameMap: Sendable where Value: Sendable {}

extension NameMap: Equatable where Value: Equatable {
    package static func == (left: NameMap, right: NameMap) -> Bool {
        left.entries.elementsEqual(right.entries) {
            $0.name.hasSameBytes(as: $1.name) && $0.value == $1.value
        }
    }
}

extension String {
    /// Unlike `==`, tells the two spellings of "é" apart.
    func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
