// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Transfer

/// Where images come from: the boxes that manifests name.
package protocol ImageSource: Sendable {
    /// Retrieves a series into this box, what is for the screen apart from what is for an archive; `onInstance` is called for each instance that can be read from now on. Returns
    /// what did not come, with its reason.
    func retrieve(
        _ series: ExamManifest.Series,
        of manifest: UID,
        study: UID,
        purpose: RetrievePurpose,
        token: String,
        onInstance: @escaping @Sendable (UID) -> Void
    ) async throws(ImageSourceError) -> [UID: ImageFailure]
}

/// Why a series cannot be had.
package enum ImageSourceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The address is not one that a professional's token may be sent to.
    case forbiddenAddress(String)
    /// The box refused: an HTTP status.
    case refused(status: Int)
    case unreachable(String)

    package var description: String {
        switch self {
        case .forbiddenAddress(let reason): "RetrieveURL: \(reason)"
        case .refused(let status): "the other box answered with status \(status)"
        case .unreachable(let reason): "the other box does not answer: \(reason)"
        }
    }
}

/// Where images go to: the site's own archive.
package protocol ImportArchive: Sendable {
    /// Stores what lies in this box, under the patient's local identity; one result for each instance, as it comes.
    func store(
        _ instances: [UID],
        patient: PatientContext,
        onResult: @escaping @Sendable (UID, StoreOutcome) -> Void
    ) async throws
}

package enum StoreOutcome: Equatable, Sendable {
    case stored
    case failed(ImageFailure)
}
