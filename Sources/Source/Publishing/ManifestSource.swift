// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// Looks into the archive and says what a manifest of it would be.
package protocol ManifestSource: Sendable {
    /// What is excluded, rejected instances and our own manifests, is not listed, whatever the archive says.
    func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft
}

/// What the archive has of an exam.
package enum ManifestDraft: Sendable {
    /// Nothing that matches the report; why, without a word about a patient.
    case noImages(reason: String)
    case images(Images)

    package struct Images: Sendable {
        /// Equal for manifests that list the same, of the same exam and patient.
        package let fingerprint: String
        package let instances: Int
        /// In the order of the series, each once.
        package let modalities: [String]
        /// The DICOM file under a SOP and a Series Instance UID, made at a time in milliseconds since 1970.
        package let file:
            @Sendable (_ sopInstanceUID: UID, _ seriesInstanceUID: UID, _ created: Int64) throws -> [UInt8]

        package init(
            fingerprint: String,
            instances: Int,
            modalities: [String],
            file: @escaping @Sendable (UID, UID, Int64) throws -> [UInt8]
        ) {
            self.fingerprint = fingerprint
            self.instances = instances
            self.modalities = modalities
            self.file = file
        }
    }
}
