// SPDX-License-Identifier: Apache-2.0

extension XMLName {
    /// Bound to the prefix `xml` everywhere (Namespaces in XML 1.0, 3).
    package static let xmlNamespace = "http://www.w3.org/XML/1998/namespace"
    package static let schemaInstanceNamespace = "http://www.w3.org/2001/XMLSchema-instance"
}

extension XMLElement {
    /// The document in UTF-8. Elements have no prefix: `xmlns` is written where the namespace changes, so that a name in a
    /// value (`xsi:type="CE"`) is in its element's namespace. What Canonical XML would escape is escaped in the same way.
    package func serialized(declaration: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        if declaration { bytes += Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".utf8) }
        append(to: &bytes, within: "")
        return bytes
    }

    private func append(to bytes: inout [UInt8], within namespace: String) {
        bytes += Array("<\(name.local)".utf8)
        if name.namespace != namespace {
            bytes += Array(" xmlns=\"".utf8)
            Self.escape(name.namespace, isAttribute: true, into: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        var declared: [String: String] = [:]
        for attribute in attributes {
            let prefix = Self.prefix(attribute.name.namespace, &declared, &bytes)
            bytes += Array(" \(prefix)\(attribute.name.local)=\"".utf8)
            Self.escape(attribute.value, isAttribute: true, into: &bytes)
            bytes.append(UInt8(ascii: "\""))
        }
        guard !children.isEmpty else {
            bytes += Array("/>".utf8)
            return
        }
        bytes.append(UInt8(ascii: ">"))
        for child in children {
            switch child {
            case .text(let text): Self.escape(text, isAttribute: false, into: &bytes)
            case .element(let element): element.append(to: &bytes, within: name.namespace)
            }
        }
        bytes += Array("</\(name.local)>".utf8)
    }

    /// The prefix of an attribute's namespace with its colon, declared on this element where it has to be.
    private static func prefix(
        _ namespace: String,
        _ declared: inout [String: String],
        _ bytes: inout [UInt8]
    ) -> String {
        switch namespace {
        case "": return ""
        case XMLName.xmlNamespace: return "xml:"
        default: break
        }
        if let known = declared[namespace] { return known + ":" }
        let isInstance = namespace == XMLName.schemaInstanceNamespace
        let prefix = isInstance ? "xsi" : "n\(declared.count + 1)"
        declared[namespace] = prefix
        bytes += Array(" xmlns:\(prefix)=\"".utf8)
        escape(namespace, isAttribute: true, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return prefix + ":"
    }

    /// Canonical XML 1.0, 2.3. Characters that XML does not have become U+FFFD.
    private static func escape(_ text: String, isAttribute: Bool, into bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): bytes += Array("&amp;".utf8)
            case UInt8(ascii: "<"): bytes += Array("&lt;".utf8)
            case UInt8(ascii: ">") where !isAttribute: bytes += Array("&gt;".utf8)
            case UInt8(ascii: "\"") where isAttribute: bytes += Array("&quot;".utf8)
            case 0x09 where isAttribute: bytes += Array("&#x9;".utf8)
            case 0x0A where isAttribute: bytes += Array("&#xA;".utf8)
            case 0x0D: bytes += Array("&#xD;".utf8)
            case 0x00..<0x20 where byte != 0x09 && byte != 0x0A: bytes += [0xEF, 0xBF, 0xBD]
            default: bytes.append(byte)
            }
        }
    }
}

extension XMLElement {
    /// An element with its content, as documents are made of: attributes without namespace by name.
    package static func make(
        _ local: String,
        in namespace: String = "",
        _ attributes: KeyValuePairs<String, String>,
        text: String? = nil,
        _ children: [XMLElement] = []
    ) -> XMLElement {
        XMLElement(
            XMLName(local, in: namespace),
            attributes: attributes.map { Attribute(name: XMLName($0.key), value: $0.value) },
            children: (text.map { [.text($0)] } ?? []) + children.map { .element($0) }
        )
    }

    package static func make(
        _ local: String,
        in namespace: String = "",
        text: String? = nil,
        _ children: [XMLElement] = []
    ) -> XMLElement {
        make(local, in: namespace, [:], text: text, children)
    }
}
