// SPDX-License-Identifier: Apache-2.0
import CXML

/// What a document from outside may hold.
package struct XMLLimits: Sendable {
    package var maximumBytes = 64 << 20
    package var maximumDepth = 100
    package var maximumElements = 1_000_000
    /// Of one element, namespace declarations included.
    package var maximumAttributes = 200

    package init() {}
}

/// What is wrong with a document, a signature or a key. Holds nothing of the document but a place in it.
package struct XMLError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        case notWellFormed
        /// A document type declaration: none is read.
        case documentType
        case encoding
        case limit
        case key
        case signature
        case library
    }

    package let kind: Kind
    /// From 1; 0 where it is not known.
    package let line: Int
    package let words: String

    package init(_ kind: Kind, line: Int = 0, _ words: String) {
        self.kind = kind
        self.line = line
        self.words = words
    }

    package var description: String { line > 0 ? "XML, line \(line): \(words)" : "XML: \(words)" }
}

extension XMLElement {
    /// Reads a document: UTF-8, ISO-8859-1, ISO-8859-15 or Windows-1252, as its declaration says. No document type, no
    /// entity but the five that XML knows, nothing from outside the document.
    package init(parsing bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) {
        guard bytes.count <= limits.maximumBytes else {
            throw XMLError(.limit, "found \(bytes.count) bytes, expected \(limits.maximumBytes) at most")
        }
        let text = try XMLEncoding.utf8(bytes)
        let tape = unsafe try callShim { result in
            unsafe text.withUnsafeBufferPointer { buffer in
                unsafe cxml_parse(buffer.baseAddress, buffer.count, cxml_limits(limits), &result)
            }
        }
        var reader = TapeReader(tape)
        guard let root = reader.root() else { throw XMLError(.library, "no element was read") }
        self = root
    }
}

/// Calls the shim, takes its answer over and frees it.
func callShim(_ call: (inout cxml_result) -> Void) throws(XMLError) -> [UInt8] {
    var result = unsafe cxml_result()
    unsafe call(&result)
    defer { unsafe cxml_free(&result) }
    let line = unsafe Int(result.line)
    switch unsafe Int(result.failure) {
    case CXML_OK: break
    case CXML_DOCUMENT_TYPE:
        throw XMLError(.documentType, line: line, "found a document type declaration, expected none")
    case CXML_ENCODING: throw XMLError(.encoding, line: line, "found bytes that are no UTF-8")
    case CXML_LIMIT:
        throw XMLError(.limit, line: line, unsafe "found more than allowed (limit \(result.detail))")
    case CXML_NOT_WELL_FORMED:
        throw XMLError(.notWellFormed, line: line, unsafe "not well-formed (libxml2 error \(result.detail))")
    case CXML_KEY:
        let words = [
            1: "found no certificate in PEM", 2: "found no private key in PEM without a pass phrase",
            3: "found the private key of another certificate",
        ]
        throw XMLError(.key, unsafe words[Int(result.detail)] ?? "the key cannot be used")
    case CXML_SIGNATURE:
        throw XMLError(.signature, unsafe "the signature cannot be made or is not valid (\(result.detail))")
    default: throw XMLError(.library, line: line, "the library failed")
    }
    guard let start = unsafe result.bytes else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: start, count: result.count))
}

extension cxml_limits {
    fileprivate init(_ limits: XMLLimits) {
        self.init(
            depth: UInt32(clamping: limits.maximumDepth),
            elements: UInt32(clamping: limits.maximumElements),
            attributes: UInt32(clamping: limits.maximumAttributes)
        )
    }
}

/// The shim's records, in the order in which they were written.
private struct TapeReader {
    private let tape: [UInt8]
    private var offset = 0
    private var names = [""]

    init(_ tape: [UInt8]) {
        self.tape = tape
    }

    private mutating func byte() -> UInt8? {
        guard offset < tape.count else { return nil }
        defer { offset += 1 }
        return tape[offset]
    }

    private mutating func number() -> Int {
        guard offset + 4 <= tape.count else { return 0 }
        defer { offset += 4 }
        return (0..<4).reduce(0) { $0 | Int(tape[offset + $1]) << (8 * $1) }
    }

    private mutating func string() -> String {
        let count = number()
        let end = min(offset + count, tape.count)
        defer { offset = end }
        return String(decoding: tape[offset..<end], as: UTF8.self)
    }

    private mutating func name() -> XMLName {
        let (namespace, local) = (number(), number())
        return XMLName(
            names.indices.contains(local) ? names[local] : "",
            in: names.indices.contains(namespace) ? names[namespace] : ""
        )
    }

    mutating func root() -> XMLElement? {
        var open: [XMLElement] = []
        while let record = byte() {
            switch Int(record) {
            case CXML_NAME: names.append(string())
            case CXML_START:
                let name = name()
                var element = XMLElement(name)
                for _ in 0..<number() {
                    let attribute = self.name()
                    element.attributes.append(.init(name: attribute, value: string()))
                }
                open.append(element)
            case CXML_TEXT:
                let text = string()
                if !open.isEmpty { open[open.count - 1].children.append(.text(text)) }
            default:
                guard let element = open.popLast() else { return nil }
                guard !open.isEmpty else { return element }
                open[open.count - 1].children.append(.element(element))
            }
        }
        return nil
    }
}
