// SPDX-License-Identifier: Apache-2.0
package import XML

/// METADATA.XML: a publication's message as it was sent, assertion included, with where its documents lie in the archive
/// and what the registry called them.
package struct XDMMetadata: Equatable, Sendable {
    /// The scheme under which local archives keep an entryUUID.
    fileprivate static let entryUUIDScheme = "1.2.3"

    package let manifest: DocumentEntry
    /// Nil where the archive does not say.
    package let entryUUID: String?
    /// « Dépublié »
    package let isWithdrawn: Bool
    /// What the assertion says of who published, where there is one.
    package let assertion: AssertionContent?

    /// Reads the file.
    package init(reading bytes: [UInt8]) throws(XDMError) {
        let root: XMLElement
        do throws(XMLError) {
            root = try XMLElement(parsing: bytes)
        } catch {
            throw XDMError(XDMVolume.metadata, found: "\(error)", expected: "XML")
        }
        let objects = root.descendants(XMLName("ExtrinsicObject", in: EbRIM.rim))
        guard let object = objects.first(where: { $0["mimeType"] == "application/dicom" }) else {
            throw XDMError(
                XDMVolume.metadata,
                found: "\(objects.count) documents",
                expected: "one of the type application/dicom"
            )
        }
        do throws(MetadataError) {
            manifest = try DocumentEntry(reading: object)
        } catch {
            throw XDMError(XDMVolume.metadata, found: "no \(error.attribute)", expected: "one")
        }
        entryUUID =
            object.elements("ExternalIdentifier")
            .first { $0["identificationScheme"] == Self.entryUUIDScheme }?["value"]
        isWithdrawn = object["status"]?.hasSuffix(":Deleted") ?? false
        assertion = root.firstDescendant(XMLName("Assertion", in: AssertionContent.saml))
            .map { AssertionContent(reading: $0) }
    }

    /// The file, made of the message that was sent, or of a file that another archive had: `directory` is the
    /// submission's, such as SS000001.
    package static func archived(
        _ message: XMLElement,
        directory: String,
        entryUUID: String?,
        isWithdrawn: Bool
    ) -> XMLElement {
        message.mapping(XMLName("ExtrinsicObject", in: EbRIM.rim)) { object in
            var object = object
            let isManifest = object["mimeType"] == "application/dicom"
            let name = isManifest ? XDMVolume.manifest : XDMVolume.signature
            object.removeArchiveMarks()
            // rim.xsd wants slots before anything else.
            object.children.insert(
                .element(EbRIM.slot("URI", ["\(directory)/\(name)"])),
                at: object.children.startIndex
            )
            guard isManifest, let id = object["id"] else { return object }
            if let entryUUID {
                let identifier = XMLElement.make(
                    "ExternalIdentifier",
                    in: EbRIM.rim,
                    [
                        "id": "\(id)-entry", "identificationScheme": entryUUIDScheme, "registryObject": id,
                        "value": entryUUID,
                    ],
                    [EbRIM.localized("Name", "XDSDocumentEntry.EntryUUID")]
                )
                object.children.append(.element(identifier))
            }
            if isWithdrawn {
                object.attributes.append(
                    .init(name: XMLName("status"), value: "urn:asip:ci-sis:2010:StatusType:Deleted")
                )
            }
            return object
        }
    }
}

extension XMLElement {
    /// What an archive adds to an entry.
    fileprivate mutating func removeArchiveMarks() {
        attributes.removeAll { $0.name == XMLName("status") }
        children.removeAll { child in
            guard case .element(let element) = child else { return false }
            return element["identificationScheme"] == XDMMetadata.entryUUIDScheme
                || (element.name == XMLName("Slot", in: EbRIM.rim) && element["name"] == "URI")
        }
    }

    /// The same with every element of a name, outermost, in another form.
    fileprivate func mapping(_ wanted: XMLName, _ change: (XMLElement) -> XMLElement) -> XMLElement {
        if name == wanted { return change(self) }
        var copy = self
        copy.children = children.map { child in
            guard case .element(let element) = child else { return child }
            return .element(element.mapping(wanted, change))
        }
        return copy
    }
}
