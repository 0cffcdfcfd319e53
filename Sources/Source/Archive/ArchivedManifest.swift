// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import HL7
import IHE
import Store

/// A manifest of an XDM archive, or one alone, checked and ready to be taken in.
struct ArchivedManifest {
    enum Outcome: Sendable {
        case imported
        case known
        /// By the manifest of this SOP Instance UID.
        case occupied(String)
    }

    let selection: KeyObjectSelection
    let study: UID
    let isWithdrawn: Bool
    private let form: PublicationManifest.Form
    private let document: [UInt8]
    private let metadata: [UInt8]
    private let signature: [UInt8]
    private let entryUUID: String?
    private let created: Int64?
    private let context: ReportContext
    /// Of the manifest and of its exam.
    private let documents: (manifest: String, exam: String)

    init(_ submission: ManifestArchiveSubmission) throws {
        var files: [String: [UInt8]] = [:]
        for file in submission.files {
            guard let bytes = file.bytes else {
                throw XDMError(file.name, found: "no base64", expected: "base64")
            }
            files[file.name.uppercased()] = bytes
        }
        // Other boxes number manifests and signatures otherwise.
        func file(_ prefix: String, _ suffix: String) -> [UInt8]? {
            files.filter { $0.key.hasPrefix(prefix) && $0.key.hasSuffix(suffix) }.min { $0.key < $1.key }?
                .value
        }
        guard let document = file("", ".DCM"), !document.isEmpty else {
            throw XDMError("the submission", found: "no manifest", expected: XDMVolume.manifest)
        }
        let name = XDMVolume.manifest
        let dataSet: DataSet
        do throws(KeyObjectError) {
            dataSet = try KeyObjectSelection.dataSet(file: document)
            selection = try KeyObjectSelection(dataSet)
        } catch {
            throw XDMError(name, found: "\(error)", expected: "a manifest")
        }
        guard selection.title == .manifest, let listed = selection.studies.first else {
            throw XDMError(name, found: "another document title", expected: "113030, MANIFEST")
        }
        do throws(ManifestError) {
            form = try ImagingManifest(dataSet).form == .french ? .french : .mado
        } catch {
            throw XDMError(name, found: "\(error)", expected: "a manifest")
        }
        let manifest = ManifestContext(reading: dataSet)
        guard !manifest.patientID.value.isEmpty, !manifest.patientID.authority.isEmpty else {
            throw XDMError(name, found: "no PatientID with an issuer", expected: "the INS and its OID")
        }
        let report = try files[XDMVolume.report].map { (bytes) throws(XDMError) in
            try XDMReport(reading: bytes)
        }
        let archived = try files[XDMVolume.metadata].map { (bytes) throws(XDMError) in
            try XDMMetadata(reading: bytes)
        }
        if let archived { try Self.check(archived.manifest, selection, manifest, document) }
        if let report, report.nationalIdentifier != manifest.patientID.value {
            throw XDMError(XDMVolume.report, found: "another patient", expected: "the manifest's")
        }
        self.document = document
        study = listed.studyInstanceUID
        isWithdrawn = archived?.isWithdrawn ?? false
        metadata = files[XDMVolume.metadata] ?? []
        signature = file("SIGN", ".XML") ?? []
        entryUUID = archived?.entryUUID
        created = dataSet.instanceCreation
        context = ReportContext(
            manifest,
            study: study,
            sopInstanceUID: selection.sopInstanceUID,
            archived,
            report
        )
        let codes = archived?.manifest.eventCodes ?? []
        let submitted = SubmittedContext(
            context,
            codes.filter { $0.scheme == ReportContext.modalities }.map(\.value),
            listed.sopInstanceUIDs.count,
            nil
        )
        let wish = ExamWish(
            wish: isWithdrawn ? .withdrawn : .published,
            reason: isWithdrawn ? "imported as withdrawn" : nil,
            context: context,
            asked: created ?? 0
        )
        documents = (try ExamWish.text(submitted), try wish.text())
    }

    /// Metadata that belong to another document, or a document that was changed, are not taken.
    private static func check(
        _ entry: DocumentEntry,
        _ selection: KeyObjectSelection,
        _ manifest: ManifestContext,
        _ document: [UInt8]
    ) throws(XDMError) {
        let place = XDMVolume.metadata
        guard entry.uniqueID == selection.sopInstanceUID.string else {
            throw XDMError(
                "\(place): uniqueId",
                found: entry.uniqueID,
                expected: selection.sopInstanceUID.string
            )
        }
        guard entry.hash.isEmpty || entry.hash.lowercased() == Digest.xdsHash(document) else {
            throw XDMError("\(place): hash", found: entry.hash, expected: Digest.xdsHash(document))
        }
        guard entry.size == 0 || entry.size == document.count else {
            throw XDMError("\(place): size", found: "\(entry.size)", expected: "\(document.count)")
        }
        let patient = entry.patientID.split(separator: "^", omittingEmptySubsequences: false).first
        guard patient.map(String.init) == manifest.patientID.value else {
            throw XDMError("\(place): patientId", found: "another patient", expected: "the manifest's")
        }
    }

    func put(_ session: PublicationSession, _ time: Int64) throws(SQLiteError) -> Outcome {
        let uid = selection.sopInstanceUID.string
        if try session.manifest(uid) != nil { return .known }
        let known = try session.exams(report: context.reportID)
            .first { $0.studyInstanceUID == study.string }
        if !isWithdrawn, let other = known?[form] ?? known?.attempt { return .occupied(other) }
        let number: Int64
        if var exam = known {
            number = exam.number
            if !isWithdrawn {
                // A report came before: what it says is compared with what was imported.
                exam[form] = uid
                exam.due = time
                try session.update(exam)
            }
        } else {
            number = try session.add(settledExam(time))
            try session.link(report: context.reportID, to: number)
        }
        var manifest = PublicationManifest(
            sopInstanceUID: uid,
            exam: number,
            studyInstanceUID: study.string,
            state: isWithdrawn ? .withdrawn : .published,
            created: created ?? time,
            // Of no manifest that is built here: the next look at the exam makes its own.
            fingerprint: "",
            document: document,
            submission: metadata,
            signature: signature,
            context: documents.manifest,
            form: form,
            patient: context.patient.key
        )
        manifest.changed = time
        manifest.entryUUID = entryUUID
        try session.put(manifest)
        return .imported
    }

    private func settledExam(_ time: Int64) -> PublicationExam {
        var exam = PublicationExam(
            studyInstanceUID: study.string,
            accessionNumber: context.accessionNumber.value,
            document: documents.exam,
            now: time
        )
        exam.state = isWithdrawn ? .withdrawn : .published
        exam.settled = exam.generation
        exam.due = nil
        exam[form] = isWithdrawn ? nil : selection.sopInstanceUID.string
        exam.reason = isWithdrawn ? "imported as withdrawn" : nil
        return exam
    }
}

extension DataSet {
    /// InstanceCreationDate and Time, in milliseconds since 1970 at TimezoneOffsetFromUTC.
    fileprivate var instanceCreation: Int64? {
        guard let date = text(.instanceCreationDate) else { return nil }
        let (time, offset) = (text(.instanceCreationTime) ?? "", text(.timezoneOffsetFromUTC) ?? "+0000")
        return DTM.secondsSince1970("\(date)\(time.prefix(6))\(offset)").map { Int64($0) * 1000 }
    }
}
