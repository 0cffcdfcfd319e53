// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// The months of which the local archive has manifests: `GET /v1/pipeline/archive`.
package struct ManifestArchiveMonths: Codable, Equatable, Sendable {
    package struct Month: Codable, Equatable, Sendable {
        /// YYYYMM, in UTC.
        package let month: String
        package let published: Int
        /// « Dépublié »: kept, and served to nobody.
        package let withdrawn: Int

        package init(month: String, published: Int, withdrawn: Int) {
            self.month = month
            self.published = published
            self.withdrawn = withdrawn
        }
    }

    package let months: [Month]

    package init(months: [Month]) {
        self.months = months
    }
}

/// A file of an XDM archive.
package struct ManifestArchiveFile: Codable, Equatable, Sendable {
    /// Within its directory.
    package let name: String
    /// Base64
    package let content: String

    package init(name: String, content: String) {
        self.name = name
        self.content = content
    }

    package init(name: String, bytes: [UInt8]) {
        self.init(name: name, content: Data(bytes).base64EncodedString())
    }

    /// Nil where `content` is no base64.
    package var bytes: [UInt8]? { Data(base64Encoded: content).map { Array($0) } }
}

/// What a month's XDM archive consists of: `GET /v1/pipeline/archive/{month}`.
package struct ManifestArchiveVolume: Codable, Equatable, Sendable {
    package struct Submission: Codable, Equatable, Sendable {
        /// Such as SS000001.
        package let directory: String
        /// SOP Instance UID.
        package let manifest: String

        package init(directory: String, manifest: String) {
            self.directory = directory
            self.manifest = manifest
        }
    }

    /// Such as KA202401: the directory that everything is in.
    package let name: String
    /// The directory within it that the submissions are in.
    package let root: String
    package let files: [ManifestArchiveFile]
    package let submissions: [Submission]

    package init(name: String, root: String, files: [ManifestArchiveFile], submissions: [Submission]) {
        self.name = name
        self.root = root
        self.files = files
        self.submissions = submissions
    }
}

/// The files of one submission: the answer of `GET /v1/pipeline/archive/{month}/{directory}/{manifest}`, and the body of
/// `POST /v1/pipeline/archive`.
package struct ManifestArchiveSubmission: Codable, Equatable, Sendable {
    /// Bytes of one as JSON: a manifest of 40,000 instances. The supervisor holds it, and its memory is small.
    package static let longest = 16 << 20

    package let files: [ManifestArchiveFile]

    package init(files: [ManifestArchiveFile]) {
        self.files = files
    }
}

/// What became of a submission that was to be taken in.
package struct ManifestArchiveReceipt: Codable, Equatable, Sendable {
    package enum Outcome: String, Codable, Sendable {
        case imported
        /// As withdrawn: kept, and served to nobody.
        case importedWithdrawn = "imported-withdrawn"
        /// The archive had it.
        case known
    }

    package let outcome: Outcome
    /// SOP Instance UID.
    package let manifest: String
    package let studyInstanceUID: String

    package init(outcome: Outcome, manifest: String, studyInstanceUID: String) {
        self.outcome = outcome
        self.manifest = manifest
        self.studyInstanceUID = studyInstanceUID
    }
}
