// SPDX-License-Identifier: Apache-2.0
import Crypto
import FoundationEssentials
import Linux

/// What makes two submissions of an exam say the same: what the manifest lists, and what of the report goes along.
struct ManifestFingerprint {
    let text: String

    init(_ context: ReportContext, _ images: ManifestDraft.Images) throws {
        var context = context
        // The version of the report is not part of what the record shows of the manifest.
        context.reportID = ""
        context.parentID = nil
        let bytes = Data((try ExamWish.text(context) + "\n" + images.fingerprint).utf8)
        text = SHA256.hash(data: bytes).hexadecimal
    }
}

/// What is kept beside a manifest, to submit it again or to replace it.
struct SubmittedContext: Codable, Equatable, Sendable {
    var report: ReportContext
    var modalities: [String]
    var instances: Int
    /// The entryUUID of the manifest whose place it takes.
    var replaces: String?

    init(_ report: ReportContext, _ modalities: [String], _ instances: Int, _ replaces: String?) {
        self.report = report
        self.modalities = modalities
        self.instances = instances
        self.replaces = replaces
    }

    init(reading text: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(text.utf8) + [0x0A])
    }
}
