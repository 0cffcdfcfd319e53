// SPDX-License-Identifier: Apache-2.0

/// A form in which a manifest is written: the national one, or the European one.
package protocol ManifestForm: Sendable {
    /// The document, under UIDs that are new with each version, made at a date (YYYYMMDD) and time (HHMMSS)
    /// of the site.
    func dataSet(sopInstanceUID: UID, seriesInstanceUID: UID, date: String, time: String) -> DataSet

    /// Equal for manifests that say the same, whenever and under whatever UIDs they were made.
    var content: [UInt8] { get }
}

extension ManifestForm {
    /// The document as a Part 10 file in Explicit VR Little Endian.
    package func file(sopInstanceUID: UID, seriesInstanceUID: UID, date: String, time: String) -> [UInt8] {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: SOPClass.keyObjectSelectionDocument,
            mediaStorageSOPInstanceUID: sopInstanceUID,
            transferSyntaxUID: TransferSyntax.explicitVRLittleEndian,
            implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        )
        let dataSet = dataSet(
            sopInstanceUID: sopInstanceUID,
            seriesInstanceUID: seriesInstanceUID,
            date: date,
            time: time
        )
        return meta.encode() + dataSet.encode()
    }
}

// MARK: What the forms are made of

extension DataSet {
    /// Characters that a Code Value has at most (PS3.3 8.1); longer ones are Long Code Values.
    private static let maximumCodeValue = 16

    /// An empty item whose text is in this data set's character set.
    func item() -> DataSet { DataSet(inheriting: characterSet) }

    mutating func setOrEmpty(_ tag: Tag, _ value: String) {
        if value.isEmpty { setEmpty(tag) } else { set(tag, value) }
    }

    /// HL7v2 Hierarchic Designator of an OID.
    func issuer(_ authority: String) -> DataSet {
        var issuer = item()
        issuer.set(.universalEntityID, authority)
        issuer.set(.universalEntityIDType, "ISO")
        return issuer
    }

    func code(_ code: ManifestCode) -> DataSet {
        var item = item()
        item.set(code.value.utf8.count > Self.maximumCodeValue ? .longCodeValue : .codeValue, code.value)
        item.set(.codingSchemeDesignator, code.scheme)
        item.set(.codeMeaning, code.meaning)
        return item
    }

    func reference(_ instance: ManifestStudy.Instance) -> DataSet {
        var reference = item()
        reference.set(.referencedSOPClassUID, uids: [instance.sopClassUID])
        reference.set(.referencedSOPInstanceUID, uids: [instance.sopInstanceUID])
        return reference
    }

    /// The content item of an instance.
    func contained(_ instance: ManifestStudy.Instance) -> DataSet {
        var item = item()
        item.set(.referencedSOPSequence, items: [reference(instance)])
        item.set(.relationshipType, "CONTAINS")
        item.set(.valueType, instance.isImage ? "IMAGE" : "COMPOSITE")
        return item
    }
}

extension ManifestStudy.Instance {
    private static let storage = "1.2.840.10008.5.1.4.1.1."

    private var family: Substring? {
        sopClassUID.string.hasPrefix(Self.storage)
            ? sopClassUID.string.dropFirst(Self.storage.count) : nil
    }

    /// Documents, presentation states and other objects without pixels of their own are referred to as
    /// COMPOSITE.
    var isImage: Bool {
        guard let family else { return true }
        return !["88.", "11.", "104.", "9.", "66", "78.", "79.", "80."].contains { family.hasPrefix($0) }
            && !["481.3", "481.5", "481.4", "481.8"].contains { family == $0 }
    }

    package var isKeyObjectSelection: Bool { sopClassUID == SOPClass.keyObjectSelectionDocument }

    /// Whether its IOD has the Multi-frame module in any case (PS3.3 A.1.4).
    var isMultiFrame: Bool {
        guard let family else { return false }
        return [
            "2.1", "2.2", "3.1", "4.1", "4.3", "4.4", "6.2", "7.1", "7.2", "7.3", "7.4", "12.1.1", "12.2.1",
            "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", "14.1", "14.2", "20", "30", "66.4",
            "77.1.1.1", "77.1.2.1", "77.1.4.1", "77.1.5.4", "77.1.6", "128.1", "130",
        ].contains { family == $0 }
    }
}
