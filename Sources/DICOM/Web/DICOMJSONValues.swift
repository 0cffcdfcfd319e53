// SPDX-License-Identifier: Apache-2.0
import Linux

/// One element's value in DICOM JSON (PS3.18 F.2.3 to F.2.7).
struct DICOMJSONValues {
    /// Integers beyond are not exact in a reader that has only doubles; they become strings (PS3.18 F.2.3, SV, UV).
    private static let exactInteger: Int64 = 1 << 53
    /// A number's text that is longer than any DS or IS may be stays a string.
    private static let numberLength = 32

    let vr: VR
    let isBigEndian: Bool
    let characterSet: SpecificCharacterSet

    /// Appends `,"Value":[...]` or `,"InlineBinary":"..."` for a value that is not empty.
    func append(_ value: [UInt8], to output: inout [UInt8]) {
        if vr.isBinary {
            output.append(json: ",\"InlineBinary\":\"")
            output.append(base64: isBigEndian ? littleEndian(value) : value)
            output.append(json: "\"")
            return
        }
        let mark = output.count
        output.append(json: ",\"Value\":[")
        let first = output.count
        value.withRawSpan { bytes in
            switch vr {
            case .us, .ss, .ul, .sl, .uv, .sv, .fl, .fd, .at: appendNumbers(bytes, &output)
            default: appendText(bytes, &output)
            }
        }
        if output.count == first {
            output.removeLast(output.count - mark)
        } else {
            output.append(json: "]")
        }
    }

    // MARK: Binary numbers

    /// Bulk data is little endian whatever the data set is (PS3.18 8.7.3.5.2, F.2.7).
    private func littleEndian(_ value: [UInt8]) -> [UInt8] {
        let size =
            switch vr {
            case .ow: 2
            case .of, .ol: 4
            case .od, .ov: 8
            default: 1
            }
        var swapped: [UInt8] = []
        swapped.reserveCapacity(value.count)
        for start in stride(from: 0, to: value.count, by: size) {
            swapped.append(contentsOf: value[start..<min(start + size, value.count)].reversed())
        }
        return swapped
    }

    private func appendNumbers(_ bytes: RawSpan, _ output: inout [UInt8]) {
        let size =
            switch vr {
            case .us, .ss: 2
            case .uv, .sv, .fd: 8
            default: 4
            }
        for offset in stride(from: 0, through: bytes.byteCount - size, by: size) {
            output.appendSeparator()
            appendNumber(bytes, offset, &output)
        }
    }

    private func appendNumber(_ bytes: RawSpan, _ offset: Int, _ output: inout [UInt8]) {
        switch vr {
        case .us: append(integer(bytes, offset, UInt16.self), &output)
        case .ss: append(integer(bytes, offset, Int16.self), &output)
        case .sl: append(integer(bytes, offset, Int32.self), &output)
        case .sv: append(integer(bytes, offset, Int64.self), &output)
        case .uv: append(integer(bytes, offset, UInt64.self), &output)
        case .fl: append(Float(bitPattern: integer(bytes, offset, UInt32.self)), &output)
        case .fd: append(Double(bitPattern: integer(bytes, offset, UInt64.self)), &output)
        case .at:
            let (group, element) = (
                integer(bytes, offset, UInt16.self), integer(bytes, offset + 2, UInt16.self)
            )
            output.append(jsonString: Tag(group, element).hexadecimal)
        default: append(integer(bytes, offset, UInt32.self), &output)
        }
    }

    private func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: RawSpan,
        _ offset: Int,
        _ type: Integer.Type
    ) -> Integer {
        isBigEndian ? bytes.bigEndian(type, at: offset) : bytes.littleEndian(type, at: offset)
    }

    private func append(_ number: some FixedWidthInteger, _ output: inout [UInt8]) {
        if number > Self.exactInteger || number < -Self.exactInteger {
            output.append(jsonString: "\(number)")
        } else {
            output.append(contentsOf: "\(number)".utf8)
        }
    }

    /// The shortest text that reads back as the same number. JSON has no NaN and no infinity.
    private func append(
        _ number: some BinaryFloatingPoint & LosslessStringConvertible,
        _ output: inout [UInt8]
    ) {
        if number.isFinite {
            output.append(contentsOf: number.description.utf8)
        } else {
            output.append(jsonString: number.isNaN ? "NaN" : number > 0 ? "inf" : "-inf")
        }
    }

    // MARK: Text

    private func appendText(_ bytes: RawSpan, _ output: inout [UInt8]) {
        let text = decode(bytes)
        switch vr {
        case .st, .lt, .ut, .ur:
            // One value: a backslash is text, leading spaces are significant (PS3.5 6.2).
            let value = Self.trim(text[...], leading: false)
            if !value.isEmpty { output.append(jsonString: value) }
        default:
            guard !Self.trim(text[...], leading: true).isEmpty else { return }
            // By bytes: a combining character behind the backslash belongs to the next value.
            for value in text.utf8.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: false) {
                output.appendSeparator()
                append(component: Self.trim(Substring(value), leading: true), &output)
            }
        }
    }

    private func decode(_ bytes: RawSpan) -> String {
        let all = 0..<bytes.byteCount
        switch vr {
        case .lo, .lt, .pn, .sh, .st, .uc, .ut:
            return characterSet.decodeAll(bytes, all, isPersonName: vr == .pn)
        default: return bytes.string(all)
        }
    }

    private func append(component: Substring, _ output: inout [UInt8]) {
        if component.isEmpty {
            output.append(json: "null")
            return
        }
        switch vr {
        case .pn: Self.append(personName: component, to: &output)
        case .ds, .is: Self.append(number: component, to: &output)
        default: output.append(jsonString: component)
        }
    }

    /// DS and IS as a number where it is one, as written; else as a string (PS3.18 F.2.3).
    private static func append(number text: Substring, to output: inout [UInt8]) {
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        guard isPlain, text.utf8.count <= numberLength, let number = Double(text), number.isFinite else {
            output.append(jsonString: text)
            return
        }
        if isJSONNumber(text) {
            output.append(contentsOf: text.utf8)
        } else if let integer = Int(text) {
            output.append(contentsOf: "\(integer)".utf8)
        } else {
            output.append(contentsOf: "\(number)".utf8)
        }
    }

    /// RFC 8259 6: no plus sign, no leading zeros, digits on both sides of the point.
    private static func isJSONNumber(_ text: Substring) -> Bool {
        var rest = text.utf8[...]
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let integer = rest.prefix { (0x30...0x39).contains($0) }
        guard !integer.isEmpty, integer.count == 1 || integer.first != 0x30 else { return false }
        rest = rest.dropFirst(integer.count)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !fraction.isEmpty else { return false }
            rest = rest.dropFirst(fraction.count + 1)
        }
        // What is left is an exponent, whose form Double has checked.
        return rest.isEmpty || rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E")
    }

    /// Component groups of a person name (PS3.18 F.2.2, PS3.5 6.2.1.1).
    static func append(personName: some StringProtocol, to output: inout [UInt8]) {
        let groups = Array(personName.utf8).split(
            separator: UInt8(ascii: "="),
            omittingEmptySubsequences: false
        )
        output.append(json: "{")
        for (name, group) in zip(["Alphabetic", "Ideographic", "Phonetic"], groups) {
            let text = trim(String(decoding: group, as: UTF8.self), leading: false)
            guard !text.isEmpty else { continue }
            output.appendSeparator()
            output.append(jsonString: name)
            output.append(json: ":")
            output.append(jsonString: text)
        }
        output.append(json: "}")
    }

    /// Without the padding: spaces and NUL behind, spaces before.
    private static func trim<Text: StringProtocol>(_ text: Text, leading: Bool) -> Text.SubSequence {
        var scalars = text[...]
        while let last = scalars.unicodeScalars.last, last == " " || last == "\0" {
            scalars = scalars[..<scalars.unicodeScalars.index(before: scalars.endIndex)]
        }
        guard leading else { return scalars }
        while scalars.unicodeScalars.first == " " {
            scalars = scalars[scalars.unicodeScalars.index(after: scalars.startIndex)...]
        }
        return scalars
    }
}
