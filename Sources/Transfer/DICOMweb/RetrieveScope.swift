// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Linux

/// What one request may see of the archive, and what is added to it on the way out.
package struct RetrieveScope: Sendable {
    /// Everything else is as if it were not there.
    package let sopInstanceUIDs: Set<UID>
    /// An item that each instance carries in its Other Patient IDs Sequence (0010,1002) when it leaves.
    package let otherPatientID: DataSet?
    /// Where a browser sees the study, in place of `/dicomweb/studies/{study}`; what is described to it is got first,
    /// where it is not here. Nil where the client named us as DICOMweb.
    package let studyURL: String?

    package init(sopInstanceUIDs: Set<UID>, otherPatientID: DataSet? = nil, studyURL: String? = nil) {
        self.sopInstanceUIDs = sopInstanceUIDs
        self.otherPatientID = otherPatientID
        self.studyURL = studyURL
    }

    /// The instance in the pieces that are sent: itself where nothing is added.
    ///
    /// - Throws: `DataSetError` where the instance's header cannot be read.
    func pieces(of instance: RetrievableInstance) throws(DataSetError) -> RetrievedPieces {
        guard let otherPatientID else { return RetrievedPieces(instance.file) }
        let edit = try KeptDataSet(instance).edit(
            adding: otherPatientID,
            to: .otherPatientIDsSequence,
            transferSyntax: instance.transferSyntax
        )
        guard let edit else { return RetrievedPieces(instance.file) }
        return RetrievedPieces(instance.file, edit, dataSetOffset: instance.dataSetOffset)
    }
}

/// A file that is sent as it is, or in two runs with other bytes in between.
struct RetrievedPieces {
    let first: FileExtent
    /// What follows the first run.
    let second: (bytes: [UInt8], extent: FileExtent)?

    init(_ file: FileExtent) {
        first = file
        second = nil
    }

    init(_ file: FileExtent, _ edit: DataSetEdit, dataSetOffset: Int64) {
        let lower = dataSetOffset + Int64(edit.range.lowerBound)
        let upper = dataSetOffset + Int64(edit.range.upperBound)
        first = FileExtent(file: file.file, offset: file.offset, length: lower)
        second = (
            edit.bytes,
            FileExtent(file: file.file, offset: file.offset + upper, length: file.length - upper)
        )
    }

    var length: Int64 {
        first.length + (second.map { Int64($0.bytes.count) + $0.extent.length } ?? 0)
    }
}

/// A catalogue of which only some instances are seen.
struct ScopedCatalogue: InstanceCatalogue {
    let catalogue: any InstanceCatalogue
    let scope: RetrieveScope

    func instances(of resource: DICOMwebRoute.Resource) throws -> [RetrievableInstance] {
        try catalogue.instances(of: resource).filter { scope.sopInstanceUIDs.contains($0.sopInstanceUID) }
    }

    func search(_ query: QIDOQuery, study: UID?, series: UID?) throws -> [SearchResult] {
        throw UnsupportedSearch("search: found a request for what a manifest lists, expected a retrieval")
    }
}
