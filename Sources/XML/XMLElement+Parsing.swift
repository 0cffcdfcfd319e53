// SPDX-License-Identifier: Apache-2.0
internal import CXML

extension XMLElement {
    /// The root element of a document in UTF-8, UTF-16, ISO-8859-1, ISO-8859-15, windows-1252 or US-ASCII, as its
    /// declaration and its byte order mark say.
    ///
    /// Namespaces in XML 1.0 is part of being well-formed. There are no entities but the five predefined ones and
    /// no XInclude; nothing but `bytes` is read. Text on both sides of a comment, a processing instruction or the edge
    /// of a CDATA section is one text. White space stays.
    ///
    /// - Throws: `documentType` where there is a DOCTYPE; `limit`, `encoding`, `notWellFormed`.
    package init(parsing bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) {
        try limits.check(bytes.count)
        let root = try unsafe Shim.call(
            try TextEncoding.utf8(bytes),
            limits: limits,
            { unsafe cxml_parse($0, $1, limits.shim, &$2) },
            { (tape) throws(XMLError) in try Self.build(tape) }
        )
        guard let root else { throw XMLError(.notWellFormed, "found no root element") }
        self = root
    }

    private static func build(_ tape: borrowing Span<UInt8>) throws(XMLError) -> XMLElement? {
        var reader = TapeReader()
        var names = [""]
        var root: XMLElement?
        var open: [XMLElement] = []
        while !reader.isAtEnd(tape) {
            switch Int(try reader.byte(tape)) {
            case CXML_NAME:
                names.append(try reader.string(tape))
            case CXML_START:
                let name = try Self.name(&reader, names, tape)
                var attributes: [Attribute] = []
                for _ in 0..<(try reader.number(tape)) {
                    let name = try Self.name(&reader, names, tape)
                    attributes.append(Attribute(name: name, value: try reader.string(tape)))
                }
                open.append(XMLElement(name, attributes: attributes))
            case CXML_TEXT:
                let text = try reader.string(tape)
                if !open.isEmpty { open[open.count - 1].children.append(.text(text)) }
            default:
                guard let element = open.popLast() else { return nil }
                if open.isEmpty {
                    root = element
                } else {
                    open[open.count - 1].children.append(.element(element))
                }
            }
        }
        return root
    }

    private static func name(
        _ reader: inout TapeReader,
        _ names: [String],
        _ tape: borrowing Span<UInt8>
    ) throws(XMLError) -> XMLName {
        let namespace = try reader.number(tape)
        let local = try reader.number(tape)
        guard namespace < names.count, local < names.count else {
            throw XMLError(.failed, "the shim's answer names what it has not listed")
        }
        return XMLName(names[local], in: names[namespace])
    }
}
