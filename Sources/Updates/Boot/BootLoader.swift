// SPDX-License-Identifier: Apache-2.0

/// What systemd-boot would do with a directory of kernel images (systemd 252 to 257, src/boot): nothing in the
/// machine depends on it but expectations.
package enum BootLoader {
    /// A kernel image with the version of its `.osrel` section (`IMAGE_VERSION`).
    package struct Candidate: Hashable, Sendable {
        package let file: LoadableName
        package let version: String

        package init?(name: String, version: String) {
            guard let file = LoadableName(name) else { return nil }
            self.file = file
            self.version = version
        }
    }

    /// The entry that is started when nobody chooses one: images of one product, so that the sort key and the
    /// machine are the same for all (config_entry_compare()).
    package static func next(in candidates: [Candidate]) -> Candidate? {
        candidates.min(by: precedes)
    }

    /// The name that the image bears once it has been started (config_entry_bump_counters()).
    package static func nameAfterStart(of file: LoadableName) -> String {
        guard let counter = file.counter?.counted else { return file.name }
        // "-DONE" is always written.
        return "\(file.stem)+\(counter.left)-\(counter.done).efi"
    }

    private static func precedes(_ one: Candidate, _ other: Candidate) -> Bool {
        let isSpent = (one.file.counter?.left == 0, other.file.counter?.left == 0)
        if isSpent.0 != isSpent.1 { return isSpent.1 }
        let byVersion = VersionOrder.compare(one.version, other.version)
        if byVersion != 0 { return byVersion > 0 }
        let byName = VersionOrder.compare(one.file.name.lowercased(), other.file.name.lowercased())
        if byName != 0 { return byName > 0 }
        guard let left = one.file.counter, let right = other.file.counter else { return false }
        return left.left != right.left ? left.left > right.left : left.done < right.done
    }
}

/// The order of versions by the UAPI Version Format Specification, as systemd's strverscmp_improved() has it.
package enum VersionOrder {
    /// Negative where `one` is older, 0 where neither is.
    package static func compare(_ one: String, _ other: String) -> Int {
        var a = Array(one.utf8)[...]
        var b = Array(other.utf8)[...]
        while true {
            a = a.drop { !isValid($0) }
            b = b.drop { !isValid($0) }
            // "~" comes before everything, even the end.
            if let order = separator("~", &a, &b) { return order }
            if a.isEmpty || b.isEmpty { return sign(a.count, b.count) }
            if let order = separator("-", &a, &b) { return order }
            if let order = separator("^", &a, &b) { return order }
            if let order = separator(".", &a, &b) { return order }
            if isDigit(a.first) || isDigit(b.first) {
                let numbers = (a.prefix(while: isDigit), b.prefix(while: isDigit))
                if numbers.0.isEmpty != numbers.1.isEmpty { return numbers.0.isEmpty ? -1 : 1 }
                let digits = (numbers.0.drop { $0 == zero }, numbers.1.drop { $0 == zero })
                if digits.0.count != digits.1.count { return sign(digits.0.count, digits.1.count) }
                if let order = bytes(digits.0, digits.1) { return order }
                (a, b) = (a.dropFirst(numbers.0.count), b.dropFirst(numbers.1.count))
            } else {
                let words = (a.prefix(while: isLetter), b.prefix(while: isLetter))
                if let order = bytes(words.0, words.1) { return order }
                if words.0.count != words.1.count { return sign(words.0.count, words.1.count) }
                (a, b) = (a.dropFirst(words.0.count), b.dropFirst(words.1.count))
            }
        }
    }

    private static let zero = UInt8(ascii: "0")

    /// Where one of the two has the separator, it is the older one; where both have it, it is passed.
    private static func separator(
        _ mark: Unicode.Scalar,
        _ a: inout ArraySlice<UInt8>,
        _ b: inout ArraySlice<UInt8>
    ) -> Int? {
        let byte = UInt8(ascii: mark)
        let found = (a.first == byte, b.first == byte)
        if found.0 != found.1 { return found.0 ? -1 : 1 }
        if found.0 { (a, b) = (a.dropFirst(), b.dropFirst()) }
        return nil
    }

    /// The order of the first bytes that differ, as far as both go.
    private static func bytes(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int? {
        zip(a, b).first { $0 != $1 }.map { $0 < $1 ? -1 : 1 }
    }

    private static func sign(_ a: Int, _ b: Int) -> Int { a == b ? 0 : a < b ? -1 : 1 }
    private static func isDigit(_ byte: UInt8?) -> Bool { byte.map { 0x30...0x39 ~= $0 } ?? false }
    private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }
    private static func isLetter(_ byte: UInt8) -> Bool { 0x41...0x5A ~= byte & 0xDF }
    private static func isValid(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || "~-^.".utf8.contains(byte)
    }
}
