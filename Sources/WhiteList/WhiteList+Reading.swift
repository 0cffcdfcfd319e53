// SPDX-License-Identifier: Apache-2.0
import Admin
package import XML

extension WhiteList {
    /// The namespaces that the list has had; the older one stands in files that are still about.
    package static let namespaces: Set<String> = [
        "https://listeblanche.mesimagesmedicales.fr/schema", "https://github.com/ansforge/DRIM-M_DATA",
    ]
    static let rootName = "ListeBlancheDRIM-M"

    static func checkRoot(_ name: XMLName) throws(WhiteListError) {
        guard name.local == rootName, namespaces.contains(name.namespace) else {
            throw WhiteListError.root(found: "\(name.local) in \"\(name.namespace)\"")
        }
    }

    /// Reads the element ListeBlancheDRIM-M. Only what was signed should come here.
    package init(reading root: XMLElement) throws(WhiteListError) {
        try Self.checkRoot(root.name)
        let version = root["versionFormat"] ?? ""
        // Another first number would mean other content.
        guard version.split(separator: ".").first == "1" else { throw .version(found: version) }
        formatVersion = version
        let date = root.first("DateDeGeneration")?.trimmedText ?? ""
        guard let generated = Self.time(date) else { throw .generationDate(found: date) }
        self.generated = generated
        let lists = root.elements("ListeDomaines")
        guard lists.count == 1 else { throw .domainLists(found: lists.count) }
        var domains: [Domain] = []
        var unusable: [Unusable] = []
        for (index, element) in lists[0].elements("Domaine").enumerated() {
            do throws(Defect) {
                domains.append(try Domain(element))
            } catch {
                unusable.append(Unusable(number: index + 1, words: error.words))
            }
        }
        self.domains = domains
        self.unusable = unusable
    }

    /// xs:dateTime; UTC where no zone is written.
    fileprivate static func time(_ text: String) -> Timestamp? { Timestamp(text) ?? Timestamp(text + "Z") }
}

/// What is wrong with one Domaine.
private struct Defect: Error {
    let words: String
}

extension WhiteList.Domain {
    fileprivate init(_ element: XMLElement) throws(Defect) {
        func text(_ name: String) -> String { element.first(name)?.trimmedText ?? "" }
        func host(_ name: String) throws(Defect) -> String {
            let found = text(name)
            guard Self.isHost(found) else {
                throw Defect(words: "\(name): found \"\(found.prefix(80))\", expected a host name")
            }
            return found.lowercased()
        }
        operatorIdentifier = text("Identifiant")
        db = try host("db")
        vi = try host("vi")
        operatorName = text("Denomination")
        let name = text("DNCertificatOperateur")
        guard let certificate = CertificateName(name) else {
            throw Defect(
                words: "DNCertificatOperateur: found \"\(name.prefix(120))\", expected a distinguished name"
            )
        }
        self.certificate = certificate
        supportContact = text("SupportContact")
        updated = WhiteList.time(text("DateMAJ"))
    }

    /// A fully qualified name (RFC 1123 2.1) whose last label is no number: so no address, port or wildcard.
    private static func isHost(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, text.utf8.count <= 253, let last = labels.last else { return false }
        return !last.allSatisfy(\.isNumber)
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
            }
    }
}

extension XMLElement {
    /// Its text without white space at the ends.
    var trimmedText: String {
        let text = text
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }
}
