// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Store

/// Looks into the archive and says what a manifest of it would be.
package protocol ManifestSource: Sendable {
    /// What is excluded, rejected instances and our own manifests, is not listed, whatever the archive says.
    func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft
}

/// What the archive has of an exam.
package enum ManifestDraft: Sendable {
    /// Nothing that matches the report; why, without a word about a patient.
    case noImages(reason: String)
    /// A document in each form that is wanted, in the order in which they are published.
    case images([Document])

    package enum Document: Sendable {
        case ready(Images)
        /// What the form requires is not known; why, without a word about a patient.
        case incomplete(PublicationManifest.Form, reason: String)

        package var form: PublicationManifest.Form {
            switch self {
            case .ready(let images): images.form
            case .incomplete(let form, _): form
            }
        }
    }

    package struct Images: Sendable {
        package let form: PublicationManifest.Form
        /// Equal for manifests that list the same, of the same exam and patient.
        package let fingerprint: String
        package let instances: Int
        /// In the order of the series, each once.
        package let modalities: [String]
        /// The DICOM file under a SOP and a Series Instance UID, made at a time in milliseconds since 1970.
        package let file:
            @Sendable (_ sopInstanceUID: UID, _ seriesInstanceUID: UID, _ created: Int64) throws -> [UInt8]

        package init(
            form: PublicationManifest.Form = .french,
            fingerprint: String,
            instances: Int,
            modalities: [String],
            file: @escaping @Sendable (UID, UID, Int64) throws -> [UInt8]
        ) {
            self.form = form
            self.fingerprint = fingerprint
            self.instances = instances
            self.modalities = modalities
            self.file = file
        }
    }
}
