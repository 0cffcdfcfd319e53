// SPDX-License-Identifier: Apache-2.0
extension CertificateName {
    /// Reads a name as people and programs write it: RFC 4514 and 2253 (`CN=a,OU=b`), RFC 1779 (`CN="a, b"; OU=c`),
    /// OpenSSL with spaces (`CN = a, OU = b`) and with slashes (`/C=FR/CN=a`). Nil where it is none of these.
    package init?(_ text: String) {
        guard let values = Self.values(in: text) else { return nil }
        self.init(values.map { Part(type: $0.type, value: $0.value) })
    }

    /// Types in dotted decimal and values as they stand, in their order.
    static func values(in text: String) -> [(type: String, value: String)]? {
        let characters = Array(text)
        var start = 0
        while start < characters.count, characters[start].isWhitespace { start += 1 }
        let isSlashed = start < characters.count && characters[start] == "/"
        var reader = NameReader(
            characters: characters,
            index: isSlashed ? start + 1 : start,
            isSlashed: isSlashed
        )
        var values: [(type: String, value: String)] = []
        repeat {
            guard let value = reader.value() else { return nil }
            values.append(value)
        } while reader.takeSeparator()
        return reader.isAtEnd ? values : nil
    }

    /// The short names of RFC 4514 3 and of OpenSSL.
    fileprivate static let types: [String: String] = [
        "CN": "2.5.4.3", "COMMONNAME": "2.5.4.3", "SN": "2.5.4.4", "SURNAME": "2.5.4.4",
        "SERIALNUMBER": "2.5.4.5", "C": "2.5.4.6", "COUNTRYNAME": "2.5.4.6", "L": "2.5.4.7",
        "LOCALITYNAME": "2.5.4.7", "ST": "2.5.4.8", "S": "2.5.4.8", "SP": "2.5.4.8",
        "STATEORPROVINCENAME": "2.5.4.8", "STREET": "2.5.4.9", "STREETADDRESS": "2.5.4.9", "O": "2.5.4.10",
        "ORGANIZATIONNAME": "2.5.4.10", "OU": "2.5.4.11", "ORGANIZATIONALUNITNAME": "2.5.4.11",
        "T": "2.5.4.12", "TITLE": "2.5.4.12", "POSTALCODE": "2.5.4.17", "GN": "2.5.4.42",
        "GIVENNAME": "2.5.4.42", "ORGANIZATIONIDENTIFIER": "2.5.4.97", "UID": "0.9.2342.19200300.100.1.1",
        "DC": "0.9.2342.19200300.100.1.25", "E": "1.2.840.113549.1.9.1",
        "EMAILADDRESS": "1.2.840.113549.1.9.1",
    ]

    fileprivate static func type(_ text: String) -> String? {
        let upper = text.uppercased()
        if let known = types[upper] { return known }
        let digits = upper.hasPrefix("OID.") ? upper.dropFirst(4) : upper[...]
        let numbers = digits.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count > 1 && numbers.allSatisfy { UInt64($0) != nil } ? String(digits) : nil
    }
}

private struct NameReader {
    let characters: [Character]
    var index: Int
    let isSlashed: Bool

    var isAtEnd: Bool { index >= characters.count }

    private func isSeparator(_ character: Character) -> Bool {
        isSlashed ? character == "/" : character == "," || character == ";" || character == "+"
    }

    mutating func takeSeparator() -> Bool {
        guard !isAtEnd, isSeparator(characters[index]) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpaces() {
        while !isAtEnd, characters[index].isWhitespace { index += 1 }
    }

    /// `type=value`, up to the separator behind it.
    mutating func value() -> (type: String, value: String)? {
        skipSpaces()
        var word = ""
        while !isAtEnd, characters[index] != "=", !isSeparator(characters[index]) {
            word.append(characters[index])
            index += 1
        }
        while let last = word.last, last.isWhitespace { word.removeLast() }
        guard !isAtEnd, characters[index] == "=", let type = CertificateName.type(word) else { return nil }
        index += 1
        skipSpaces()
        if isSlashed { return (type, slashedValue()) }
        guard !isAtEnd else { return (type, "") }
        let value: String?
        switch characters[index] {
        case "\"": value = quotedValue()
        case "#": value = hexadecimalValue()
        default: value = plainValue()
        }
        return value.map { (type, $0) }
    }

    /// OpenSSL writes slashes in values as they are: only one before `type=` begins the next part.
    private mutating func slashedValue() -> String {
        var value = ""
        while !isAtEnd, !(characters[index] == "/" && beginsPart(index + 1)) {
            value.append(characters[index])
            index += 1
        }
        return value
    }

    private func beginsPart(_ start: Int) -> Bool {
        guard
            let end = characters[min(start, characters.count)...].firstIndex(where: { $0 == "=" || $0 == "/" }
            )
        else { return false }
        return characters[end] == "=" && CertificateName.type(String(characters[start..<end])) != nil
    }

    private mutating func plainValue() -> String? {
        var bytes: [UInt8] = []
        /// Bytes without the spaces at the end that are not escaped.
        var kept = 0
        while !isAtEnd, !isSeparator(characters[index]) {
            if characters[index] == "\\" {
                guard let escaped = escape() else { return nil }
                bytes += escaped
                kept = bytes.count
            } else {
                // Quotes stand at both ends of a value or not at all.
                guard characters[index] != "\"" else { return nil }
                bytes += Array(characters[index].utf8)
                if !characters[index].isWhitespace { kept = bytes.count }
                index += 1
            }
        }
        return String(validating: bytes.prefix(kept), as: UTF8.self)
    }

    private mutating func quotedValue() -> String? {
        index += 1
        var bytes: [UInt8] = []
        while !isAtEnd, characters[index] != "\"" {
            if characters[index] == "\\" {
                guard let escaped = escape() else { return nil }
                bytes += escaped
            } else {
                bytes += Array(characters[index].utf8)
                index += 1
            }
        }
        guard !isAtEnd else { return nil }
        index += 1
        skipSpaces()
        guard isAtEnd || isSeparator(characters[index]) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private mutating func hexadecimalValue() -> String? {
        index += 1
        var digits: [Character] = []
        while !isAtEnd, !isSeparator(characters[index]) {
            digits.append(characters[index])
            index += 1
        }
        while digits.last?.isWhitespace == true { digits.removeLast() }
        guard !digits.isEmpty, digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = Self.byte(digits[start], digits[start + 1]) else { return nil }
            bytes.append(byte)
        }
        return CertificateName.text(der: bytes)
    }

    /// `\,` or `\2C`.
    private mutating func escape() -> [UInt8]? {
        guard index + 1 < characters.count else { return nil }
        let first = characters[index + 1]
        if index + 2 < characters.count, let byte = Self.byte(first, characters[index + 2]) {
            index += 3
            return [byte]
        }
        index += 2
        return Array(first.utf8)
    }

    private static func byte(_ high: Character, _ low: Character) -> UInt8? {
        guard let high = high.hexDigitValue, let low = low.hexDigitValue else { return nil }
        return UInt8(high << 4 | low)
    }
}
