// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import DMP
package import Store

/// The national record (DMP), as the source uses it.
package protocol NationalRecord: Sendable {
    /// Makes what a manifest is submitted with: its document, its signature, and the SOAP envelope that goes with them.
    /// `replacing` is the entryUUID of the manifest whose place it takes.
    func prepare(_ manifest: PreparedManifest, replacing: String?) throws(RecordError) -> Submission

    /// Submits (TD2.1a, TD2.1b). Returns when the record has it.
    func submit(_ submission: Submission, context: ReportContext) async throws(RecordError)

    /// The entry of a document in the record; nil where there is none.
    func entry(uniqueID: String, context: ReportContext) async throws(RecordError) -> RecordEntry?

    /// Whether the patient has a record that can be added to (TD0.2).
    func patientRecord(_ context: ReportContext) async throws(RecordError) -> PatientRecord

    /// Withdraws an entry (TD3.3c); `submission` is what is archived of it.
    func withdraw(_ entryUUID: String, context: ReportContext) async throws(RecordError)
}

package enum PatientRecord: Sendable {
    case open
    case closed
    case none
}

package struct RecordEntry: Equatable, Sendable {
    package enum Status: Sendable {
        case approved
        case deprecated
        /// « Deleted »: nobody sees it any more.
        case deleted
    }

    package var entryUUID: String
    package var status: Status

    package init(entryUUID: String, status: Status) {
        self.entryUUID = entryUUID
        self.status = status
    }
}

/// A manifest that is ready to be submitted.
package struct PreparedManifest: Equatable, Sendable {
    package var sopInstanceUID: UID
    package var form: PublicationManifest.Form
    /// The DICOM file.
    package var document: [UInt8]
    package var context: ReportContext
    /// In the order of the series, each once.
    package var modalities: [String]
    /// Milliseconds since 1970.
    package var created: Int64

    package init(
        sopInstanceUID: UID,
        form: PublicationManifest.Form,
        document: [UInt8],
        context: ReportContext,
        modalities: [String],
        created: Int64
    ) {
        self.sopInstanceUID = sopInstanceUID
        self.form = form
        self.document = document
        self.context = context
        self.modalities = modalities
        self.created = created
    }
}

package struct Submission: Equatable, Sendable {
    package var document: [UInt8]
    package var signature: [UInt8]
    /// The SOAP envelope, VIHF included: METADATA.XML of the archive.
    package var envelope: [UInt8]

    package init(document: [UInt8], signature: [UInt8], envelope: [UInt8]) {
        self.document = document
        self.signature = signature
        self.envelope = envelope
    }
}
