// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What the box has promised to publish, and what it has published: messages that were acknowledged, exams with what
/// is wanted of them, and every manifest that ever was in the national record, for ever.
///
/// Several tables in one database, so that a message and what it means are on the disk together, or not at all. The
/// documents in it are their writer's; this table only keeps them.
package final class PublicationTable: Sendable {
    private static let version = 1

    private let database: Mutex<Database>

    /// Opens or makes the database at `path`, whose directory exists. A damaged one is an error: this is the archive
    /// that an auditor asks for, and nobody replaces it unseen.
    package init(path: String) throws(StoreError) {
        do throws(SQLiteError) {
            let database = try Database(path: path)
            // What was acknowledged is on the disk.
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            let found = try database.prepare("PRAGMA user_version").row { Int($0.integer(0)) } ?? 0
            guard found == 0 || found == Self.version else {
                throw SQLiteError(code: 26, subject: "user_version", message: "found \(found), expected 1")
            }
            try database.execute(Self.schema)
            for (table, column, type) in Self.additions {
                let columns = try database.prepare("SELECT name FROM pragma_table_info('\(table)')")
                    .rows { $0.text(0) }
                if columns.contains(column) { continue }
                try database.execute("ALTER TABLE \(table) ADD COLUMN \(column) \(type)")
            }
            try database.execute(Self.additionalIndexes)
            self.database = Mutex(database)
        } catch {
            throw .index(error)
        }
    }

    /// Runs `body` as one transaction: all of it is on the disk when this returns, or nothing of it happens.
    package func transaction<Result: Sendable>(
        _ body: (PublicationSession) throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        try use { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) -> Result in
                try body(PublicationSession(database))
            }
        }
    }

    private func use<Result: Sendable>(
        _ body: (Database) throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SQLiteError) {
            return try database.withLock { (database) throws(SQLiteError) -> Result in try body(database) }
        } catch {
            throw .index(error)
        }
    }

    /// Columns that came later. The version stays: a release that has not heard of them names its own, and works, so that
    /// the box can go back to it.
    private static let additions = [
        (table: "exams", column: "mado", type: "TEXT"),
        (table: "manifests", column: "form", type: "TEXT NOT NULL DEFAULT 'french'"),
        (table: "manifests", column: "patient", type: "TEXT"),
    ]

    private static let additionalIndexes = """
        CREATE INDEX IF NOT EXISTS exams_by_accession ON exams(accession);
        CREATE INDEX IF NOT EXISTS manifests_by_patient ON manifests(patient);
        """

    private static let schema = """
        CREATE TABLE IF NOT EXISTS messages(
          number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, control TEXT NOT NULL,
          received INTEGER NOT NULL, code TEXT NOT NULL, answer BLOB NOT NULL, reason TEXT, body BLOB);
        CREATE INDEX IF NOT EXISTS refused ON messages(number) WHERE body IS NOT NULL;
        CREATE TABLE IF NOT EXISTS exams(
          number INTEGER PRIMARY KEY AUTOINCREMENT, study TEXT NOT NULL, accession TEXT NOT NULL,
          generation INTEGER NOT NULL, settled INTEGER NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL,
          due INTEGER, attempts INTEGER NOT NULL, reason TEXT, held INTEGER NOT NULL, document TEXT NOT NULL,
          manifest TEXT, attempt TEXT);
        CREATE INDEX IF NOT EXISTS exams_by_study ON exams(study);
        CREATE INDEX IF NOT EXISTS exams_due ON exams(due) WHERE due IS NOT NULL;
        CREATE INDEX IF NOT EXISTS exams_open ON exams(state, held, since)
          WHERE state IN ('waiting', 'awaiting-images', 'failed') OR held = 1;
        CREATE TABLE IF NOT EXISTS reports(
          report TEXT NOT NULL, exam INTEGER NOT NULL REFERENCES exams(number), PRIMARY KEY(report, exam))
          WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS manifests(
          uid TEXT PRIMARY KEY, exam INTEGER NOT NULL REFERENCES exams(number), study TEXT NOT NULL,
          state TEXT NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, entry TEXT,
          fingerprint TEXT NOT NULL, document BLOB NOT NULL, submission BLOB NOT NULL, signature BLOB NOT NULL,
          context TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS manifests_by_exam ON manifests(exam);
        CREATE INDEX IF NOT EXISTS manifests_by_study ON manifests(study);
        CREATE TABLE IF NOT EXISTS rejections(
          study TEXT NOT NULL, instance TEXT NOT NULL, note TEXT NOT NULL, title TEXT NOT NULL,
          PRIMARY KEY(study, instance, note)) WITHOUT ROWID;
        PRAGMA user_version = \(version);
        """
}

/// A message that was answered.
package struct PublicationMessage: Equatable, Sendable {
    /// SHA-256 of its bytes, in hexadecimal.
    package var digest: String
    /// MSH-10.
    package var controlID: String
    /// Milliseconds since 1970.
    package var received: Int64
    /// "AA", "AE" or "AR".
    package var code: String
    /// The acknowledgement, as it was sent.
    package var answer: [UInt8]
    /// Why it was not accepted.
    package var reason: String?
    /// Kept where it was not accepted.
    package var body: [UInt8]?

    package init(
        digest: String,
        controlID: String,
        received: Int64,
        code: String,
        answer: [UInt8],
        reason: String? = nil,
        body: [UInt8]? = nil
    ) {
        self.digest = digest
        self.controlID = controlID
        self.received = received
        self.code = code
        self.answer = answer
        self.reason = reason
        self.body = body
    }
}

/// A study of a report: what is wanted of it, and how far that is.
package struct PublicationExam: Equatable, Sendable {
    package enum State: String, Sendable {
        /// There is something to do, or to try again.
        case waiting
        /// The archive has no images that match the report, yet.
        case awaitingImages = "awaiting-images"
        /// What is wanted is in the record.
        case published
        /// The record shows nothing of it: as wanted.
        case withdrawn
        /// The report is not for the record.
        case undestined
        /// It cannot go on without a person.
        case failed
        /// A person decided that nothing more is tried.
        case dropped
    }

    package var number: Int64
    package var studyInstanceUID: String
    package var accessionNumber: String
    /// Counts what was asked for; `settled` is the newest that is done.
    package var generation: Int64
    package var settled: Int64
    package var state: State
    /// When it came into this state, in milliseconds since 1970.
    package var since: Int64
    /// When it is looked at next; nil: when something happens.
    package var due: Int64?
    /// Without success, since the last one.
    package var attempts: Int
    package var reason: String?
    package var isHeld: Bool
    package var document: String
    /// The SOP Instance UID of the manifest that is in the record, in the French form.
    package var manifest: String?
    /// Of the one in MADO's form.
    package var madoManifest: String?
    /// Of the one whose submission began and whose end is not known.
    package var attempt: String?

    package init(studyInstanceUID: String, accessionNumber: String, document: String, now: Int64) {
        number = 0
        self.studyInstanceUID = studyInstanceUID
        self.accessionNumber = accessionNumber
        generation = 1
        settled = 0
        state = .waiting
        since = now
        due = now
        attempts = 0
        isHeld = false
        self.document = document
    }

    package subscript(form: PublicationManifest.Form) -> String? {
        get {
            switch form {
            case .french: manifest
            case .mado: madoManifest
            }
        }
        set {
            switch form {
            case .french: manifest = newValue
            case .mado: madoManifest = newValue
            }
        }
    }

    /// Whether the record has a manifest of it, in whatever form.
    package var hasManifest: Bool { manifest != nil || madoManifest != nil }
}

/// A manifest with what was sent along.
package struct PublicationManifest: Equatable, Sendable {
    package enum State: String, Sendable {
        /// Sent, or about to be; nobody knows yet.
        case submitted
        case published
        /// Its withdrawal was sent, or is about to be; nobody knows yet.
        case withdrawing
        /// Another one took its place.
        case replaced
        /// « Dépublié »: nothing of it is served any more.
        case withdrawn
        /// It never came into the record.
        case abandoned
    }

    /// How it is written.
    package enum Form: String, Sendable, CaseIterable {
        case french
        case mado
    }

    package var sopInstanceUID: String
    package var exam: Int64
    package var studyInstanceUID: String
    package var state: State
    /// Milliseconds since 1970.
    package var created: Int64
    package var changed: Int64
    /// The entryUUID that the registry gave it.
    package var entryUUID: String?
    /// Equal for manifests that say the same.
    package var fingerprint: String
    /// The DICOM file.
    package var document: [UInt8]
    /// METADATA.XML: the submission's SOAP envelope.
    package var submission: [UInt8]
    package var signature: [UInt8]
    /// Of the report it was made of: what a later submission needs.
    package var context: String
    package var form: Form
    /// Whose it is, as it is looked for; nil where a release before this one wrote it.
    package var patient: String?

    package init(
        sopInstanceUID: String,
        exam: Int64,
        studyInstanceUID: String,
        state: State,
        created: Int64,
        fingerprint: String,
        document: [UInt8],
        submission: [UInt8],
        signature: [UInt8],
        context: String,
        form: Form = .french,
        patient: String? = nil
    ) {
        self.sopInstanceUID = sopInstanceUID
        self.exam = exam
        self.studyInstanceUID = studyInstanceUID
        self.state = state
        self.created = created
        changed = created
        self.fingerprint = fingerprint
        self.document = document
        self.submission = submission
        self.signature = signature
        self.context = context
        self.form = form
        self.patient = patient
    }
}
