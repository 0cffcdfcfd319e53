// SPDX-License-Identifier: Apache-2.0

/// What one transaction of a `PublicationTable` can read and write. It ends with the transaction.
package struct PublicationSession {
    let database: Database

    init(_ database: Database) {
        self.database = database
    }

    func run(_ sql: String, _ values: [SQLiteValue]) throws(SQLiteError) {
        let statement = try database.prepare(sql)
        statement.bind(values)
        try statement.run()
    }

    func rows<Row>(
        _ sql: String,
        _ values: [SQLiteValue],
        _ make: (Statement) -> Row
    ) throws(SQLiteError) -> [Row] {
        let statement = try database.prepare(sql)
        statement.bind(values)
        return try statement.rows(make)
    }
}

// MARK: - Messages

extension PublicationSession {
    /// Bodies of refused messages that are kept, the newest: so many, and so many bytes together.
    private static let refusedBodies = 1000
    private static let refusedBytes = 256 << 20
    /// Messages that are known again, the newest.
    private static let knownMessages = 200_000

    /// The message of these bytes, where it was answered before. Its body is left out.
    package func message(digest: String) throws(SQLiteError) -> PublicationMessage? {
        try rows(
            "SELECT digest, control, received, code, answer, reason FROM messages WHERE digest = ?",
            [.text(digest)]
        ) {
            PublicationMessage(
                digest: $0.text(0),
                controlID: $0.text(1),
                received: $0.integer(2),
                code: $0.text(3),
                answer: $0.blob(4),
                reason: $0.optionalText(5)
            )
        }.first
    }

    /// Keeps a message that is about to be answered; one of the same bytes takes its place.
    package func put(_ message: PublicationMessage) throws(SQLiteError) {
        try run(
            """
            INSERT OR REPLACE INTO messages(digest, control, received, code, answer, reason, body)
              VALUES(?,?,?,?,?,?,?)
            """,
            [
                .text(message.digest), .text(message.controlID), .integer(message.received),
                .text(message.code),
                .blob(message.answer), .text(message.reason), message.body.map { .blob($0) } ?? .null,
            ]
        )
        let number = database.lastInsertedRow
        try run("DELETE FROM messages WHERE number <= ?", [.integer(number - Int64(Self.knownMessages))])
        guard message.body != nil else { return }
        try run(
            """
            UPDATE messages SET body = NULL WHERE number IN
              (SELECT number FROM
                (SELECT number, row_number() OVER newest AS count, sum(length(body)) OVER newest AS bytes
                   FROM messages WHERE body IS NOT NULL WINDOW newest AS (ORDER BY number DESC))
                 WHERE count > \(Self.refusedBodies) OR (bytes > \(Self.refusedBytes) AND count > 1))
            """,
            []
        )
    }

    /// The messages that were not accepted, the newest first, without their bodies.
    package func refusedMessages(limit: Int) throws(SQLiteError) -> [PublicationMessage] {
        try rows(
            """
            SELECT digest, control, received, code, reason FROM messages WHERE code <> 'AA'
              ORDER BY number DESC LIMIT ?
            """,
            [.integer(Int64(limit))]
        ) {
            PublicationMessage(
                digest: $0.text(0),
                controlID: $0.text(1),
                received: $0.integer(2),
                code: $0.text(3),
                answer: [],
                reason: $0.optionalText(4)
            )
        }
    }

    /// The bytes of the message that was not accepted and whose digest begins so; nil where they are not kept, or there are
    /// several.
    package func refusedBody(digestPrefix: String) throws(SQLiteError) -> [UInt8]? {
        let found = try rows(
            "SELECT body FROM messages WHERE digest >= ? AND digest < ? AND body IS NOT NULL LIMIT 2",
            [.text(digestPrefix), .text(digestPrefix + "g")]
        ) { $0.blob(0) }
        return found.count == 1 ? found.first : nil
    }
}

// MARK: - Exams

extension PublicationSession {
    private static let examColumns = """
        number, study, accession, generation, settled, state, since, due, attempts, reason, held, document,
          manifest, attempt, mado
        """

    private func exams(_ condition: String, _ values: [SQLiteValue]) throws(SQLiteError) -> [PublicationExam]
    {
        try rows("SELECT \(Self.examColumns) FROM exams \(condition)", values) { row in
            var exam = PublicationExam(
                studyInstanceUID: row.text(1),
                accessionNumber: row.text(2),
                document: row.text(11),
                now: row.integer(6)
            )
            exam.number = row.integer(0)
            exam.generation = row.integer(3)
            exam.settled = row.integer(4)
            exam.state = PublicationExam.State(rawValue: row.text(5)) ?? .failed
            exam.due = row.isNull(7) ? nil : row.integer(7)
            exam.attempts = Int(row.integer(8))
            exam.reason = row.optionalText(9)
            exam.isHeld = row.integer(10) == 1
            exam.manifest = row.optionalText(12)
            exam.attempt = row.optionalText(13)
            exam.madoManifest = row.optionalText(14)
            return exam
        }
    }

    package func exam(_ number: Int64) throws(SQLiteError) -> PublicationExam? {
        try exams("WHERE number = ?", [.integer(number)]).first
    }

    package func exams(study: String) throws(SQLiteError) -> [PublicationExam] {
        try exams("WHERE study = ? ORDER BY number", [.text(study)])
    }

    /// The exams that the report, or an earlier version of it, told of.
    package func exams(report: String) throws(SQLiteError) -> [PublicationExam] {
        try exams(
            "WHERE number IN (SELECT exam FROM reports WHERE report = ?) ORDER BY number",
            [.text(report)]
        )
    }

    /// What is to be looked at now, the longest overdue first.
    package func dueExams(now: Int64, limit: Int) throws(SQLiteError) -> [PublicationExam] {
        try exams(
            "WHERE due IS NOT NULL AND due <= ? AND held = 0 ORDER BY due, number LIMIT ?",
            [.integer(now), .integer(Int64(limit))]
        )
    }

    /// When the next one is due; nil where none is.
    package func nextDue() throws(SQLiteError) -> Int64? {
        try rows("SELECT min(due) FROM exams WHERE due IS NOT NULL AND held = 0", []) {
            $0.isNull(0) ? nil : $0.integer(0)
        }.first ?? nil
    }

    /// What is not done: waiting, failed or held; the oldest first.
    package func unsettledExams(limit: Int) throws(SQLiteError) -> [PublicationExam] {
        try exams(
            """
            WHERE state IN ('waiting', 'awaiting-images', 'failed') OR held = 1 ORDER BY number LIMIT ?
            """,
            [.integer(Int64(limit))]
        )
    }

    /// What is not done.
    package struct Backlog: Equatable, Sendable {
        package var waiting = 0
        /// Since when the oldest of those waits, in milliseconds since 1970.
        package var waitingSince: Int64?
        package var awaitingImages = 0
        /// Of those, the ones that wait since before a time.
        package var overdue = 0
        package var failed = 0
        package var held = 0
    }

    package func backlog(imagesBefore: Int64) throws(SQLiteError) -> Backlog {
        var backlog = Backlog()
        let rows = try rows(
            """
            SELECT state, held, count(*), min(since), sum(since < ?) FROM exams INDEXED BY exams_open
              WHERE state IN ('waiting', 'awaiting-images', 'failed') OR held = 1 GROUP BY state, held
            """,
            [.integer(imagesBefore)]
        ) {
            (
                state: $0.text(0), isHeld: $0.integer(1) == 1, count: Int($0.integer(2)), $0.integer(3),
                Int($0.integer(4))
            )
        }
        for (state, isHeld, count, since, old) in rows {
            if isHeld {
                backlog.held += count
                continue
            }
            switch PublicationExam.State(rawValue: state) {
            case .waiting: (backlog.waiting, backlog.waitingSince) = (count, since)
            case .awaitingImages: (backlog.awaitingImages, backlog.overdue) = (count, old)
            case .failed: backlog.failed = count
            default: break
            }
        }
        return backlog
    }

    /// How many exams are in each state; those held count as "held".
    package func examCounts() throws(SQLiteError) -> [String: Int] {
        let counts = try rows(
            "SELECT CASE held WHEN 1 THEN 'held' ELSE state END AS s, count(*) FROM exams GROUP BY s",
            []
        ) { ($0.text(0), Int($0.integer(1))) }
        return Dictionary(counts) { $0 + $1 }
    }

    /// Writes a new exam; its number.
    @discardableResult
    package func add(_ exam: PublicationExam) throws(SQLiteError) -> Int64 {
        try run(
            """
            INSERT INTO exams(study, accession, generation, settled, state, since, due, attempts, reason, held,
              document, manifest, attempt, mado) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)
            """,
            values(exam)
        )
        return database.lastInsertedRow
    }

    package func update(_ exam: PublicationExam) throws(SQLiteError) {
        try run(
            """
            UPDATE exams SET study = ?, accession = ?, generation = ?, settled = ?, state = ?, since = ?, due = ?,
              attempts = ?, reason = ?, held = ?, document = ?, manifest = ?, attempt = ?, mado = ? WHERE number = ?
            """,
            values(exam) + [.integer(exam.number)]
        )
    }

    /// From now on the exam is found under this report too.
    package func link(report: String, to exam: Int64) throws(SQLiteError) {
        try run("INSERT OR IGNORE INTO reports(report, exam) VALUES(?,?)", [.text(report), .integer(exam)])
    }

    private func values(_ exam: PublicationExam) -> [SQLiteValue] {
        [
            .text(exam.studyInstanceUID), .text(exam.accessionNumber), .integer(exam.generation),
            .integer(exam.settled), .text(exam.state.rawValue), .integer(exam.since),
            exam.due.map { .integer($0) } ?? .null, .integer(Int64(exam.attempts)), .text(exam.reason),
            .integer(exam.isHeld ? 1 : 0), .text(exam.document), .text(exam.manifest), .text(exam.attempt),
            .text(exam.madoManifest),
        ]
    }
}

extension SQLiteValue {
    static func text(_ text: String?) -> Self { text.map { .text($0) } ?? .null }
}

extension SQLiteError {
    /// What is in a row is not what its writer put there; ends the transaction without a trace.
    package static func unreadable(_ subject: String) -> SQLiteError {
        SQLiteError(code: 11, subject: subject, message: "its document cannot be read")
    }
}
