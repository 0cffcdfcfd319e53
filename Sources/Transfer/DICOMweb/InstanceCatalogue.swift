// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Linux

/// What is kept, as DICOMweb sees the spool. Called on worker threads; may read the disk.
package protocol InstanceCatalogue: Sendable {
    /// By series, then by instance number; none where nothing is kept.
    func instances(of resource: DICOMwebRoute.Resource) throws -> [RetrievableInstance]

    /// At most as many results as the query's limit, or as the catalogue allows.
    func search(_ query: QIDOQuery, study: UID?, series: UID?) throws -> [SearchResult]
}

/// An instance that is kept as a Part 10 file.
package struct RetrievableInstance: Sendable {
    package let studyInstanceUID: UID
    package let seriesInstanceUID: UID
    package let sopInstanceUID: UID
    package let transferSyntax: UID
    package let file: FileExtent
    /// Where the data set begins in `file`.
    package let dataSetOffset: Int64

    package init(
        studyInstanceUID: UID,
        seriesInstanceUID: UID,
        sopInstanceUID: UID,
        transferSyntax: UID,
        file: FileExtent,
        dataSetOffset: Int64
    ) {
        self.studyInstanceUID = studyInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
        self.sopInstanceUID = sopInstanceUID
        self.transferSyntax = transferSyntax
        self.file = file
        self.dataSetOffset = dataSetOffset
    }
}

package struct SearchResult: Sendable {
    /// Any instance of the study or series, or the instance: the attributes come from it.
    package let representative: RetrievableInstance
    /// What no data set holds, such as counts (PS3.18 Tables 10.6.3-3 to 10.6.3-5).
    package let attributes: [DICOMJSON.Attribute]

    package init(representative: RetrievableInstance, attributes: [DICOMJSON.Attribute]) {
        self.representative = representative
        self.attributes = attributes
    }
}

/// The catalogue does not offer what the query asks for.
package struct UnsupportedSearch: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension KeptDataSet {
    init(_ instance: RetrievableInstance) {
        self.init(instance.file, dataSetOffset: instance.dataSetOffset)
    }
}
