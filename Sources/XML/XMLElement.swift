// SPDX-License-Identifier: Apache-2.0

/// A namespace and a local name (Namespaces in XML 1.0). Prefixes have no meaning and are not kept.
package struct XMLName: Hashable, Sendable {
    /// Empty where there is none.
    package let namespace: String
    package let local: String

    package init(_ local: String, in namespace: String = "") {
        self.namespace = namespace
        self.local = local
    }
}

/// An element as a value: name, attributes, and what is in it. Comments and processing instructions are left out.
package struct XMLElement: Equatable, Sendable {
    package enum Node: Equatable, Sendable {
        case element(XMLElement)
        case text(String)
    }

    package struct Attribute: Equatable, Sendable {
        package let name: XMLName
        package var value: String

        package init(name: XMLName, value: String) {
            self.name = name
            self.value = value
        }

        /// An attribute in no namespace, unless one is given.
        package init(_ local: String, in namespace: String = "", _ value: String) {
            self.init(name: XMLName(local, in: namespace), value: value)
        }
    }

    package let name: XMLName
    package var attributes: [Attribute]
    package var children: [Node]

    package init(_ name: XMLName, attributes: [Attribute] = [], children: [Node] = []) {
        self.name = name
        self.attributes = attributes
        self.children = children
    }
}

// MARK: - Reading

extension XMLElement {
    /// The value of an attribute; nil where it is absent.
    package subscript(_ attribute: String, in namespace: String = "") -> String? {
        attributes.first { $0.name.local == attribute && $0.name.namespace == namespace }?.value
    }

    package var elements: [XMLElement] {
        children.compactMap { if case .element(let element) = $0 { element } else { nil } }
    }

    /// The children of this name, in the namespace of this element where none is given.
    package func elements(_ local: String, in namespace: String? = nil) -> [XMLElement] {
        let wanted = XMLName(local, in: namespace ?? name.namespace)
        return elements.filter { $0.name == wanted }
    }

    package func first(_ local: String, in namespace: String? = nil) -> XMLElement? {
        elements(local, in: namespace).first
    }

    /// The element at the end of a path of names, each the first child of its name, all in this element's namespace.
    package func first(at path: [String]) -> XMLElement? {
        var element = self
        for local in path {
            guard let next = element.first(local, in: name.namespace) else { return nil }
            element = next
        }
        return element
    }

    /// All text in it and in what it holds, in document order.
    package var text: String {
        children.reduce(into: "") { text, child in
            switch child {
            case .text(let own): text += own
            case .element(let element): text += element.text
            }
        }
    }

    /// The first element of this name in document order, itself included, at any depth.
    package func firstDescendant(_ wanted: XMLName) -> XMLElement? {
        if name == wanted { return self }
        for element in elements {
            if let found = element.firstDescendant(wanted) { return found }
        }
        return nil
    }

    /// Every element of this name in document order, itself included, at any depth.
    package func descendants(_ wanted: XMLName) -> [XMLElement] {
        (name == wanted ? [self] : []) + elements.flatMap { $0.descendants(wanted) }
    }
}
