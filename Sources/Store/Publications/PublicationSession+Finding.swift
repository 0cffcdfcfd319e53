// SPDX-License-Identifier: Apache-2.0

/// What manifests are looked for by; each that is not nil narrows the search.
package struct PublicationQuestion: Equatable, Sendable {
    /// As their writer put it there.
    package var patient: String?
    package var studyInstanceUID: String?
    package var accessionNumber: String?
    package var sopInstanceUID: String?

    package init() {}

    package var isEmpty: Bool {
        patient == nil && studyInstanceUID == nil && accessionNumber == nil && sopInstanceUID == nil
    }
}

/// A manifest without its document.
package struct PublicationListing: Equatable, Sendable {
    package let sopInstanceUID: String
    package let created: Int64
    package let context: String
    package let form: PublicationManifest.Form
}

extension PublicationSession {
    /// The manifests that are in the record now, the newest first; at most `limit`. An empty question finds none.
    package func publishedManifests(
        _ question: PublicationQuestion,
        limit: Int
    ) throws(SQLiteError) -> [PublicationListing] {
        var conditions: [String] = []
        var values: [SQLiteValue] = []
        func narrow(_ condition: String, _ value: String?) {
            guard let value else { return }
            conditions.append(condition)
            values.append(.text(value))
        }
        narrow("uid = ?", question.sopInstanceUID)
        narrow("patient = ?", question.patient)
        narrow("study = ?", question.studyInstanceUID)
        narrow("exam IN (SELECT number FROM exams WHERE accession = ?)", question.accessionNumber)
        guard !conditions.isEmpty else { return [] }
        return try rows(
            """
            SELECT uid, created, context, form FROM manifests WHERE state = 'published'
              AND \(conditions.joined(separator: " AND ")) ORDER BY created DESC, uid LIMIT ?
            """,
            values + [.integer(Int64(limit))]
        ) { row in
            PublicationListing(
                sopInstanceUID: row.text(0),
                created: row.integer(1),
                context: row.text(2),
                form: PublicationManifest.Form(rawValue: row.text(3)) ?? .french
            )
        }
    }

    /// Manifests that do not say whose they are, at most `limit` of those after a SOP Instance UID, in its order.
    package func manifestsWithoutPatient(
        after uid: String,
        limit: Int
    ) throws(SQLiteError) -> [(sopInstanceUID: String, context: String)] {
        try rows(
            "SELECT uid, context FROM manifests WHERE patient IS NULL AND uid > ? ORDER BY uid LIMIT ?",
            [.text(uid), .integer(Int64(limit))]
        ) { ($0.text(0), $0.text(1)) }
    }

    package func set(patient: String, ofManifest sopInstanceUID: String) throws(SQLiteError) {
        try run("UPDATE manifests SET patient = ? WHERE uid = ?", [.text(patient), .text(sopInstanceUID)])
    }
}
