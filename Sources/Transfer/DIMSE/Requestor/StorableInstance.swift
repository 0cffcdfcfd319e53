// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Linux

/// An instance to be sent by C-STORE; its data set lies in a file.
package struct StorableInstance: Sendable {
    package let sopClassUID: UID
    package let sopInstanceUID: UID
    package let transferSyntax: UID
    /// The Part 10 file.
    package let file: FileExtent
    /// Where the data set starts in `file`.
    package let dataSetOffset: Int64
    /// Applied to the data set when it is sent, to that of a transcoded file too; nil: it is sent as it is.
    /// An instance that cannot be coerced is not sent.
    package let coercion: Coercion?

    package init(
        sopClassUID: UID,
        sopInstanceUID: UID,
        transferSyntax: UID,
        file: FileExtent,
        dataSetOffset: Int64,
        coercion: Coercion? = nil
    ) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.transferSyntax = transferSyntax
        self.file = file
        self.dataSetOffset = dataSetOffset
        self.coercion = coercion
    }

    /// Bytes, before coercion.
    var dataSetLength: Int64 { file.length - dataSetOffset }

    /// What coercion changes; reads the header from the file.
    func edits() throws(DataSetError) -> [DataSetEdit] {
        guard let coercion else { return [] }
        var source = KeptDataSet(file, dataSetOffset: dataSetOffset)
        return try coercion.head(of: &source, transferSyntax: transferSyntax).edits
    }
}

/// What became of one instance.
package struct StoreResult: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// Success, or a warning, with which the instance is stored too (PS3.4 B.2.3).
        case stored(DIMSEStatus)
        case refused(DIMSEStatus, comment: String?)
        /// It was not sent, or sent and not answered.
        case failed(AssociationError)
    }

    package let sopInstanceUID: UID
    package let outcome: Outcome
    /// Data set bytes.
    package let bytes: Int64

    package var isStored: Bool {
        if case .stored = outcome { true } else { false }
    }

    /// Whether sending it again may succeed.
    package var mayBeRetried: Bool {
        switch outcome {
        case .stored: false
        case .refused(let status, _): status.isOutOfResources
        case .failed(let error): error.isTransient
        }
    }
}
