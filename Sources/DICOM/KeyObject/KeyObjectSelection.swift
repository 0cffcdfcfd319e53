// SPDX-License-Identifier: Apache-2.0
import Linux

/// A Key Object Selection document as it is read: a manifest, a rejection note, or somebody's key images.
package struct KeyObjectSelection: Equatable, Sendable {
    package enum Title: Equatable, Sendable {
        /// The national form's, or MADO's.
        case manifest
        /// What it lists is not to be used any more (IHE RAD IOCM, 4.66.4.1.3.1.1): 113001, 113037, 113038 or 113039.
        case rejection(code: String)
        case other(code: String)
    }

    package struct Series: Equatable, Sendable {
        package let seriesInstanceUID: UID
        /// Of the series; MADO's form has what `/studies/…` comes after (6.X.2.14), and is completed.
        package let retrieveURL: String?
        package let instances: [UID]
    }

    private static let rejections: Set<String> = ["113001", "113037", "113038", "113039"]

    package struct Study: Equatable, Sendable {
        package let studyInstanceUID: UID
        package let series: [Series]

        package var sopInstanceUIDs: [UID] { series.flatMap(\.instances) }
    }

    package let sopInstanceUID: UID
    package let title: Title
    /// The studies whose objects it lists: one in a manifest, one at least in every other.
    package let studies: [Study]
    package let patientID: String?

    /// - Throws: what of the document is missing, by keyword.
    package init(_ dataSet: DataSet) throws(KeyObjectError) {
        guard dataSet.uid(.sopClassUID) == SOPClass.keyObjectSelectionDocument else {
            throw KeyObjectError(
                "SOPClassUID: found another, expected Key Object Selection Document Storage"
            )
        }
        guard let own = dataSet.uid(.sopInstanceUID) else {
            throw KeyObjectError("SOPInstanceUID: found none, expected one")
        }
        sopInstanceUID = own
        guard let concept = dataSet.items(.conceptNameCodeSequence).first,
            let code = concept.text(.codeValue)
        else {
            throw KeyObjectError("ConceptNameCodeSequence: found no code, expected the document's title")
        }
        let isMADO = concept.manifestCode.flatMap(MADOConcept.init) == .documentTitle
        title =
            code == "113030" || isMADO
            ? .manifest : Self.rejections.contains(code) ? .rejection(code: code) : .other(code: code)
        let evidence = dataSet.items(.currentRequestedProcedureEvidenceSequence)
        let ownStudy = dataSet.uid(.studyInstanceUID)
        studies = evidence.compactMap { item in
            (item.uid(.studyInstanceUID) ?? (evidence.count == 1 ? ownStudy : nil)).map { study in
                Study(study, item, hasBaseURLs: isMADO)
            }
        }
        guard !studies.isEmpty, studies.count == evidence.count else {
            throw KeyObjectError(
                "CurrentRequestedProcedureEvidenceSequence: found \(evidence.count) items, "
                    + "\(studies.count) of them with a study, expected one at least and a study in each"
            )
        }
        guard title != .manifest || studies.count == 1 else {
            throw KeyObjectError(
                "CurrentRequestedProcedureEvidenceSequence: found \(studies.count) studies, expected one"
            )
        }
        patientID = dataSet.text(.patientID)
    }

    /// Reads a Part 10 file.
    package init(file bytes: [UInt8]) throws(KeyObjectError) {
        try self.init(Self.dataSet(file: bytes))
    }

    /// The attributes of a Part 10 file.
    package static func dataSet(file bytes: [UInt8]) throws(KeyObjectError) -> DataSet {
        do throws(DataSetError) {
            let (meta, start) = try bytes.withRawSpan { (span) throws(DataSetError) in
                try FileMetaInformation.decode(span)
            }
            return try DataSet(
                decoding: Array(bytes[start...]),
                transferSyntax: meta.transferSyntaxUID,
                elements: DataSetLimits.manifestElements
            )
        } catch {
            throw KeyObjectError("\(error)")
        }
    }
}

extension KeyObjectSelection.Study {
    fileprivate init(_ studyInstanceUID: UID, _ item: DataSet, hasBaseURLs: Bool) {
        self.studyInstanceUID = studyInstanceUID
        series = item.items(.referencedSeriesSequence).compactMap { item in
            item.uid(.seriesInstanceUID).map { uid in
                KeyObjectSelection.Series(
                    seriesInstanceUID: uid,
                    retrieveURL: item.text(.retrieveURL).map { url in
                        hasBaseURLs ? RetrieveURL.complete(url, studyInstanceUID, uid) : url
                    },
                    instances: item.items(.referencedSOPSequence).compactMap {
                        $0.uid(.referencedSOPInstanceUID)
                    }
                )
            }
        }
    }
}

package struct KeyObjectError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
