// SPDX-License-Identifier: Apache-2.0

extension PublicationSession {
    private static let manifestColumns = """
        uid, exam, study, state, created, changed, entry, fingerprint, document, submission, signature, context,
          form, patient
        """

    private func manifests(
        _ condition: String,
        _ values: [SQLiteValue]
    ) throws(SQLiteError) -> [PublicationManifest] {
        try rows("SELECT \(Self.manifestColumns) FROM manifests \(condition)", values) { row in
            var manifest = PublicationManifest(
                sopInstanceUID: row.text(0),
                exam: row.integer(1),
                studyInstanceUID: row.text(2),
                state: PublicationManifest.State(rawValue: row.text(3)) ?? .abandoned,
                created: row.integer(4),
                fingerprint: row.text(7),
                document: row.blob(8),
                submission: row.blob(9),
                signature: row.blob(10),
                context: row.text(11)
            )
            manifest.changed = row.integer(5)
            manifest.entryUUID = row.optionalText(6)
            manifest.form = PublicationManifest.Form(rawValue: row.text(12)) ?? .french
            manifest.patient = row.optionalText(13)
            return manifest
        }
    }

    package func manifest(_ sopInstanceUID: String) throws(SQLiteError) -> PublicationManifest? {
        try manifests("WHERE uid = ?", [.text(sopInstanceUID)]).first
    }

    /// Without reading its documents.
    package func manifestState(_ sopInstanceUID: String) throws(SQLiteError) -> PublicationManifest.State? {
        try rows("SELECT state FROM manifests WHERE uid = ?", [.text(sopInstanceUID)]) {
            PublicationManifest.State(rawValue: $0.text(0))
        }.first ?? nil
    }

    /// Every manifest that the exam ever had, the oldest first.
    package func manifests(exam: Int64) throws(SQLiteError) -> [PublicationManifest] {
        try manifests("WHERE exam = ? ORDER BY created, uid", [.integer(exam)])
    }

    /// The SOP Instance UIDs of every manifest that was ever made of a study.
    package func manifestUIDs(study: String) throws(SQLiteError) -> Set<String> {
        Set(try rows("SELECT uid FROM manifests WHERE study = ?", [.text(study)]) { $0.text(0) })
    }

    /// How many manifests were made in a month (YYYYMM, UTC), by what became of them.
    package struct Count: Equatable, Sendable {
        package let month: String
        package let state: PublicationManifest.State
        package let count: Int
    }

    /// The archive by months: what came into the record and stands, or was withdrawn.
    package func manifestCounts() throws(SQLiteError) -> [Count] {
        try rows(
            """
            SELECT strftime('%Y%m', created / 1000, 'unixepoch') AS month, state, count(*) FROM manifests
              WHERE state IN ('published', 'withdrawn') GROUP BY month, state ORDER BY month, state
            """,
            []
        ) { row in
            Count(
                month: row.text(0),
                state: PublicationManifest.State(rawValue: row.text(1)) ?? .abandoned,
                count: Int(row.integer(2))
            )
        }
    }

    /// Those of a month, the oldest first.
    package func manifestUIDs(month: String) throws(SQLiteError) -> [String] {
        try rows(
            """
            SELECT uid FROM manifests WHERE state IN ('published', 'withdrawn')
              AND strftime('%Y%m', created / 1000, 'unixepoch') = ? ORDER BY created, uid
            """,
            [.text(month)]
        ) { $0.text(0) }
    }

    package func put(_ manifest: PublicationManifest) throws(SQLiteError) {
        try run(
            """
            INSERT OR REPLACE INTO manifests(\(Self.manifestColumns)) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)
            """,
            [
                .text(manifest.sopInstanceUID), .integer(manifest.exam), .text(manifest.studyInstanceUID),
                .text(manifest.state.rawValue), .integer(manifest.created), .integer(manifest.changed),
                .text(manifest.entryUUID), .text(manifest.fingerprint), .blob(manifest.document),
                .blob(manifest.submission), .blob(manifest.signature), .text(manifest.context),
                .text(manifest.form.rawValue), .text(manifest.patient),
            ]
        )
    }

    /// Changes the state of a manifest, and its entry where one is given.
    package func set(
        _ state: PublicationManifest.State,
        ofManifest sopInstanceUID: String,
        entryUUID: String? = nil,
        now: Int64
    ) throws(SQLiteError) {
        try run(
            "UPDATE manifests SET state = ?, changed = ?, entry = coalesce(?, entry) WHERE uid = ?",
            [.text(state.rawValue), .integer(now), .text(entryUUID), .text(sopInstanceUID)]
        )
    }

    /// Remembers what a rejection note rejects (IHE RAD IOCM); true where that is news.
    package func reject(
        study: String,
        instances: [String],
        note: String,
        title: String
    ) throws(SQLiteError) -> Bool {
        var isNews = false
        for instance in instances {
            try run(
                "INSERT OR IGNORE INTO rejections(study, instance, note, title) VALUES(?,?,?,?)",
                [.text(study), .text(instance), .text(note), .text(title)]
            )
            isNews = database.changes > 0 || isNews
        }
        return isNews
    }

    package func rejectedInstances(study: String) throws(SQLiteError) -> Set<String> {
        Set(
            try rows("SELECT DISTINCT instance FROM rejections WHERE study = ?", [.text(study)]) {
                $0.text(0)
            }
        )
    }
}
