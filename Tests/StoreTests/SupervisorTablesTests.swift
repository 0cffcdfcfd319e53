// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Foundation
import Testing

@testable import Store

@Suite("Revisions: what is confirmed survives, what is tried does not") struct RevisionTableTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/supervisor.db" }

    init() throws { directory = try TemporaryDirectory() }

    @discardableResult
    private func append(_ table: RevisionTable, _ document: String) throws -> Int {
        try table.append(time: 1, author: "a", comment: "c", document: document).number
    }

    @Test("the newest is in force after a restart; a trial is known and its document is not") func restart()
        throws
    {
        do {
            let table = try RevisionTable(path: path)
            #expect(try table.newest() == nil)
            #expect(try append(table, "one") == 1)
            #expect(try append(table, "two") == 2)
            try table.begin(RevisionTable.Trial(transaction: "tx", time: 3, author: "b"))
        }
        let table = try RevisionTable(path: path)
        #expect(table.condition == .sound)
        #expect(try table.newest()?.document == "two")
        #expect(try table.interruptedTrial()?.transaction == "tx")
        try table.endTrial("another")
        #expect(try table.interruptedTrial() != nil)
        try table.endTrial("tx")
        #expect(try table.interruptedTrial() == nil)
        #expect(try RevisionTable.documents(path: path) == ["two", "one"])
    }

    @Test("a confirmation ends the trial") func confirmation() throws {
        let table = try RevisionTable(path: path)
        try table.begin(RevisionTable.Trial(transaction: "tx", time: 3, author: "b"))
        try append(table, "one")
        #expect(try table.interruptedTrial() == nil)
    }

    @Test("fifty are kept, and the rescue revision however old it is; numbers are not used again")
    func history() throws {
        let table = try RevisionTable(path: path)
        try append(table, "1")
        #expect(try table.setRescue(1))
        #expect(try !table.setRescue(99))
        for number in 2...60 { try append(table, "\(number)") }
        let numbers = try table.all().map(\.number)
        #expect(numbers == Array((11...60).reversed()) + [1])
        #expect(try table.rescue()?.document == "1")
        #expect(try table.setRescue(60))
        #expect(try table.rescue()?.number == 60)
        #expect(try append(table, "61") == 61)
        #expect(try table.revision(1) == nil)
    }

    @Test("a damaged database is put aside and its copy is used") func damaged() throws {
        do {
            let table = try RevisionTable(path: path)
            for number in 1...20 { try append(table, "document \(number)") }
        }
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes.replaceSubrange(0..<2048, with: Data(repeating: 0xAA, count: 2048))
        try bytes.write(to: URL(filePath: path))
        let table = try RevisionTable(path: path)
        #expect(table.condition == .restored(damaged: path + ".damaged"))
        #expect(try table.newest()?.document == "document 20")
        #expect(try Data(contentsOf: URL(filePath: path + ".damaged")) == bytes)
    }

    @Test("without a sound copy it begins anew, and says so") func lost() throws {
        do {
            let table = try RevisionTable(path: path)
            try append(table, "one")
        }
        try Data(repeating: 1, count: 4096).write(to: URL(filePath: path))
        try Data(repeating: 2, count: 4096).write(to: URL(filePath: path + ".copy"))
        let table = try RevisionTable(path: path)
        #expect(table.condition == .lost(damaged: path + ".damaged"))
        #expect(try table.newest() == nil)
    }
}

@Suite("The audit's chain") struct AuditTableTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/audit.db" }

    init() throws { directory = try TemporaryDirectory() }

    private func append(_ table: AuditTable, _ subject: String) throws {
        try table.append(time: 5, user: "u", action: "POST", subject: subject, outcome: "200", reason: "")
    }

    private func change(_ sql: String) throws { try Database(path: path).execute(sql) }

    @Test("rows follow from each other, also over a restart") func intact() throws {
        do {
            let table = try AuditTable(path: path)
            #expect(try table.verify() == .intact(rows: 0, head: String(repeating: "0", count: 64)))
            for number in 1...3 { try append(table, "\(number)") }
        }
        let table = try AuditTable(path: path)
        try append(table, "4")
        let rows = try table.rows(after: 0, limit: 100)
        #expect(rows.map(\.subject) == ["1", "2", "3", "4"])
        #expect(try table.rows(after: 1, limit: 2).map(\.number) == [2, 3])
        #expect(try table.verify() == .intact(rows: 4, head: rows[3].hash))
    }

    @Test(
        "a row that is changed, removed or moved breaks the chain at its place",
        arguments: [
            ("UPDATE audit SET user = 'v' WHERE number = 2", 2),
            ("UPDATE audit SET time = time + 1 WHERE number = 3", 3),
            ("UPDATE audit SET action = 'POS', subject = 'T' || subject WHERE number = 1", 1),
            ("DELETE FROM audit WHERE number = 2", 2),
            ("DELETE FROM audit WHERE number = 5", 5),
            ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE number = 1) WHERE number = 4", 4),
        ]
    )
    func broken(sql: String, at number: Int) throws {
        let table = try AuditTable(path: path)
        for number in 1...5 { try append(table, "\(number)") }
        try change(sql)
        #expect(try table.verify() == .broken(at: number))
    }
}

@Suite("Persons of the console") struct UserTableTests {
    @Test("added, changed, removed; failures are kept") func users() throws {
        let directory = try TemporaryDirectory()
        let table = try UserTable(path: directory.path + "/users.db")
        try table.put(name: "marie", role: "admin", hash: "$y$1")
        try table.note("marie", failures: 3, lockedUntil: 42)
        #expect(try table.user("marie")?.failures == 3)
        #expect(try table.user("marie")?.lockedUntil == 42)
        try table.put(name: "marie", role: "viewer", hash: "$y$2")
        #expect(try table.all().map(\.role) == ["viewer"])
        #expect(try table.user("marie")?.failures == 0)
        #expect(try table.remove("marie"))
        #expect(try !table.remove("marie"))
        #expect(try table.user("marie") == nil)
    }
}
