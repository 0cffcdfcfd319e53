// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Store

/// Takes the box back to what left the factory: images, revisions, users, certificate, audit.
///
/// A person asks; a marker says so; the box starts anew and erases before it opens anything. Under systemd,
/// `drimbox-factory-reset.service` erases as root what the supervisor may not touch. Interrupted, it begins again. The
/// audit's last row stays in `last-audit.json`, and the new chain begins with the old one's head.
struct FactoryReset: Sendable {
    private struct Marker: Codable {
        let time: Timestamp
        let user: String
        let reason: String
        /// Of the audit when it was asked for.
        let row: Int
        let hash: String
    }

    struct LastRow: Codable, Equatable {
        let number: Int
        let time: Timestamp
        let user: String
        let action: String
        let subject: String
        let outcome: String
        let reason: String
        let hash: String
    }

    struct Erased {
        let user: String
        let reason: String
        let last: LastRow?
        let row: Int
        let hash: String
    }

    private static let markerName = "factory-reset.json"
    private static let exportName = "last-audit.json"
    /// Made by the unit when it has erased everything.
    private static let proofName = "factory-reset.erased"
    private static let longest = 64 << 10

    let directory: String

    private var markerPath: String { "\(directory)/\(Self.markerName)" }
    var exportPath: String { "\(directory)/\(Self.exportName)" }
    private var proofPath: String { "\(directory)/\(Self.proofName)" }

    // MARK: Asking

    func ask(user: String, reason: String, row: AuditTable.Row) throws {
        if FileStamp(exportPath) != nil { try Directory.remove(file: exportPath) }
        let marker = Marker(time: .now, user: user, reason: reason, row: row.number, hash: row.hash)
        try replaceFile(markerPath, with: Array(try JSONEncoder().encode(marker)), mode: 0o644)
        try Directory.synchronize(directory)
    }

    func withdraw() {
        try? Directory.remove(file: markerPath)
    }

    /// The newest row, for whoever asks later who erased the box.
    func export(_ audit: AuditTable) throws {
        guard case .intact(let count, _) = try audit.verify(), count > 0,
            let row = try audit.rows(after: count - 1, limit: 1).first
        else { return }
        let last = LastRow(
            number: row.number,
            time: Timestamp(milliseconds: row.time),
            user: row.user,
            action: row.action,
            subject: row.subject,
            outcome: row.outcome,
            reason: row.reason,
            hash: row.hash
        )
        try replaceFile(exportPath, with: Array(try JSONEncoder().encode(last)), mode: 0o644)
    }

    // MARK: Erasing

    /// Before any database is opened. Nil where nobody asked.
    ///
    /// - Throws: where something remains: a box that keeps images must not look new.
    func erase() throws -> Erased? {
        guard FileStamp(markerPath) != nil else { return nil }
        let marker = try JSONDecoder().decode(
            Marker.self,
            from: Data(try readFile(markerPath, limit: Self.longest))
        )
        if FileStamp(exportPath) == nil, FileStamp("\(directory)/audit.db") != nil,
            let audit = try? AuditTable(path: "\(directory)/audit.db")
        {
            try export(audit)
        }
        let kept: Set = [Self.markerName, Self.exportName, Self.proofName]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) where !kept.contains(name)
        {
            try erase("\(directory)/\(name)")
        }
        try Directory.synchronize(directory)
        let last = try? JSONDecoder().decode(
            LastRow.self,
            from: Data(try readFile(exportPath, limit: Self.longest))
        )
        return Erased(
            user: marker.user,
            reason: marker.reason,
            last: last,
            row: marker.row,
            hash: marker.hash
        )
    }

    /// The gateway's directory is another user's: its place stays.
    private func erase(_ path: String) throws {
        guard path == "\(directory)/gateway" else { return try remove(path) }
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: path) {
                try remove("\(path)/\(name)")
            }
        } catch {
            guard FileStamp(proofPath) != nil else { throw error }
        }
    }

    /// One that is gone already is as good as removed.
    private func remove(_ path: String) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            guard !FileManager.default.fileExists(atPath: path) else { throw error }
        }
    }

    /// When the new audit has its first row.
    func finish() throws {
        if FileStamp(proofPath) != nil { try Directory.remove(file: proofPath) }
        try Directory.remove(file: markerPath)
        try Directory.synchronize(directory)
    }
}
