// SPDX-License-Identifier: Apache-2.0
import Linux

/// A Key Object Selection document as it is read: a manifest, a rejection note, or somebody's key images.
package struct KeyObjectSelection: Equatable, Sendable {
    package enum Title: Equatable, Sendable {
        case manifest
        /// What it lists is not to be used any more (IHE RAD IOCM, 4.66.4.1.3.1.1): 113001, 113037, 113038 or 113039.
        case rejection(code: String)
        case other(code: String)
    }

    package struct Series: Equatable, Sendable {
        package let seriesInstanceUID: UID
        package let retrieveURL: String?
        package let instances: [UID]
    }

    private static let rejections: Set<String> = ["113001", "113037", "113038", "113039"]

    package let sopInstanceUID: UID
    package let title: Title
    /// The study whose objects it lists.
    package let studyInstanceUID: UID
    package let series: [Series]
    package let patientID: String?

    /// - Throws: what of the document is missing, by keyword.
    package init(_ dataSet: DataSet) throws(KeyObjectError) {
        guard dataSet.uid(.sopClassUID) == SOPClass.keyObjectSelectionDocument else {
            throw KeyObjectError("SOPClassUID: found another, expected Key Object Selection Document Storage")
        }
        guard let own = dataSet.uid(.sopInstanceUID) else {
            throw KeyObjectError("SOPInstanceUID: found none, expected one")
        }
        sopInstanceUID = own
        let concept = dataSet.items(.conceptNameCodeSequence).first
        guard let code = concept?.text(.codeValue) else {
            throw KeyObjectError("ConceptNameCodeSequence: found no code, expected the document's title")
        }
        title =
            code == "113030"
            ? .manifest : Self.rejections.contains(code) ? .rejection(code: code) : .other(code: code)
        let studies = dataSet.items(.currentRequestedProcedureEvidenceSequence)
        guard let study = studies.first,
            let uid = study.uid(.studyInstanceUID) ?? dataSet.uid(.studyInstanceUID)
        else {
            throw KeyObjectError("CurrentRequestedProcedureEvidenceSequence: found no study, expected one")
        }
        guard studies.count == 1 else {
            throw KeyObjectError(
                "CurrentRequestedProcedureEvidenceSequence: found \(studies.count) studies, expected one"
            )
        }
        studyInstanceUID = uid
        series = study.items(.referencedSeriesSequence).compactMap { item in
            item.uid(.seriesInstanceUID).map { uid in
                Series(
                    seriesInstanceUID: uid,
                    retrieveURL: item.text(.retrieveURL),
                    instances: item.items(.referencedSOPSequence).compactMap {
                        $0.uid(.referencedSOPInstanceUID)
                    }
                )
            }
        }
        patientID = dataSet.text(.patientID)
    }

    /// Reads a Part 10 file.
    package init(file bytes: [UInt8]) throws(KeyObjectError) {
        let dataSet: DataSet
        do throws(DataSetError) {
            let (meta, start) = try bytes.withRawSpan { (span) throws(DataSetError) in
                try FileMetaInformation.decode(span)
            }
            dataSet = try DataSet(decoding: Array(bytes[start...]), transferSyntax: meta.transferSyntaxUID)
        } catch {
            throw KeyObjectError("\(error)")
        }
        try self.init(dataSet)
    }

    package var sopInstanceUIDs: Set<UID> { Set(series.flatMap(\.instances)) }
}

package struct KeyObjectError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
