// SPDX-License-Identifier: Apache-2.0
package import Admin
import DICOM
package import IHE
package import Store
import XML

/// The local archive of manifests, out of the box and into it: a submission at a time, each as the files of an XDM
/// archive (ITI TF-3 3.32; « archive locale », KA<YYYYMM>).
package struct ManifestArchive: Sendable {
    private let table: PublicationTable
    private let text: XDMText
    private let journal: any SourceJournal
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64

    package init(
        table: PublicationTable,
        text: XDMText,
        journal: any SourceJournal,
        now: @escaping @Sendable () -> Int64
    ) {
        self.table = table
        self.text = text
        self.journal = journal
        self.now = now
    }

    // MARK: Out

    package func months() throws -> ManifestArchiveMonths {
        let counts = try table.transaction { (session) throws(SQLiteError) in
            try session.manifestCounts()
        }
        return ManifestArchiveMonths(
            months: Dictionary(grouping: counts, by: \.month).sorted { $0.key < $1.key }.map {
                month,
                counts in
                func count(_ state: PublicationManifest.State) -> Int {
                    counts.first { $0.state == state }?.count ?? 0
                }
                return .init(month: month, published: count(.published), withdrawn: count(.withdrawn))
            }
        )
    }

    /// What the archive of a month (YYYYMM) consists of; nil where it would be empty.
    package func volume(_ month: String) throws -> ManifestArchiveVolume? {
        let manifests = try table.transaction { (session) throws(SQLiteError) in
            try session.manifestUIDs(month: month)
        }
        guard !manifests.isEmpty, manifests.count <= XDMVolume.longest else { return nil }
        let submissions = manifests.enumerated().map { index, manifest in
            ManifestArchiveVolume.Submission(
                directory: XDMVolume.directory(index + 1),
                manifest: manifest
            )
        }
        return ManifestArchiveVolume(
            name: XDMVolume.name(month: month),
            root: XDMVolume.root,
            files: [
                .init(name: XDMVolume.index, bytes: text.index),
                .init(name: XDMVolume.readme, bytes: text.readme(submissions.map(\.directory))),
            ],
            submissions: submissions
        )
    }

    /// The files of one submission, to lie in `directory`; nil where there is no such manifest.
    package func submission(_ manifest: String, directory: String) throws -> ManifestArchiveSubmission? {
        guard XDMVolume.isDirectory(directory) else { return nil }
        let found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(manifest) }
        guard let found, found.state == .published || found.state == .withdrawn else { return nil }
        let context = try SubmittedContext(reading: found.context).report
        var files: [ManifestArchiveFile] = []
        if !found.submission.isEmpty {
            let metadata = XDMMetadata.archived(
                try XMLElement(parsing: found.submission),
                directory: directory,
                entryUUID: found.entryUUID,
                isWithdrawn: found.state == .withdrawn
            )
            files.append(.init(name: XDMVolume.metadata, bytes: metadata.serialized()))
        }
        files.append(.init(name: XDMVolume.report, bytes: XDMReport(context).bytes))
        if !found.signature.isEmpty { files.append(.init(name: XDMVolume.signature, bytes: found.signature)) }
        files.append(.init(name: XDMVolume.manifest, bytes: found.document))
        journal.record(.manifestExported(study: found.studyInstanceUID, manifest: manifest))
        return ManifestArchiveSubmission(files: files)
    }

    // MARK: In

    /// Takes a submission of an archive in, or a manifest alone. What it returns from is on the disk.
    ///
    /// A manifest that the archive had stays as it is. One that is in the record becomes its exam's, and is served from now
    /// on; nothing is published of it until something changes.
    ///
    /// - Throws: an `XDMError` where it cannot be used, or a `ManifestConflict`.
    package func take(_ submission: ManifestArchiveSubmission) throws -> ManifestArchiveReceipt {
        let archived = try ArchivedManifest(submission)
        let manifest = archived.selection.sopInstanceUID.string
        let study = archived.study.string
        let time = now()
        let outcome = try table.transaction { (session) throws(SQLiteError) in
            try archived.put(session, time)
        }
        switch outcome {
        case .occupied(let other): throw ManifestConflict(manifest: manifest, other: other)
        case .known: return .init(outcome: .known, manifest: manifest, studyInstanceUID: study)
        case .imported:
            journal.record(
                .manifestImported(study: study, manifest: manifest, isWithdrawn: archived.isWithdrawn)
            )
            return .init(
                outcome: archived.isWithdrawn ? .importedWithdrawn : .imported,
                manifest: manifest,
                studyInstanceUID: study
            )
        }
    }
}

/// An exam has a manifest in the record already, and may have one only.
package struct ManifestConflict: Error, Equatable, Sendable, CustomStringConvertible {
    let manifest: String
    let other: String

    package var description: String {
        "\(manifest): found the manifest \(other) in its exam, expected none"
    }
}

extension XDMReport {
    fileprivate init(_ context: ReportContext) {
        let id = context.reportID.split(separator: "^", maxSplits: 1, omittingEmptySubsequences: false)
        let patient = context.patient
        self.init(
            root: String(id[0]),
            extension: id.count > 1 ? String(id[1]) : "",
            nationalIdentifier: patient.nationalIdentifier.value,
            nationalAuthority: patient.nationalIdentifier.authority,
            localIdentifier: patient.localIdentifier?.value ?? "",
            localAuthority: patient.localIdentifier?.authority ?? ""
        )
    }
}
