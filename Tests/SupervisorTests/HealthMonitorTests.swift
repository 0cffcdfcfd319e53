// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Health
import Store
import Testing

@testable import Supervisor

/// A monitor over a /sys of its own, and a probe that prints what stands in a file.
private struct Bench {
    private let box: UnstartedBox
    let monitor: HealthMonitor

    private var path: String { box.folder.path }

    init() throws {
        box = try UnstartedBox()
        let script = box.folder.path + "/probe"
        try "#!/bin/sh\ncat '\(box.folder.path)/answer'\n".write(
            toFile: script,
            atomically: true,
            encoding: .utf8
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        monitor = box.monitor(HardwareProbe(door: .child(executable: script, arguments: [])))
    }

    func plug(_ name: String) throws {
        let disk = "\(path)/sys/block/\(name)"
        try FileManager.default.createDirectory(atPath: disk + "/device", withIntermediateDirectories: true)
        for (file, content) in [("size", "1000000\n"), ("removable", "0\n")] {
            try content.write(toFile: "\(disk)/\(file)", atomically: true, encoding: .utf8)
        }
    }

    func unplug(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/sys/block/\(name)")
    }

    /// What the probe says of every disk; nil: it says nothing.
    func answer(_ report: DiskReport?) throws {
        let data = try report.map { try JSONEncoder().encode(ProbeAnswer.disk($0)) } ?? Data()
        try data.write(to: URL(filePath: path + "/answer"))
    }

    func codes() async -> [String] {
        await monitor.look(everything: true)
        return await box.board.openIssues.map(\.code).filter { $0.contains("DISK") }
    }
}

@Suite("The health monitor raises and clears issues") struct HealthMonitorTests {
    private func report(_ state: DiskReport.State) -> DiskReport {
        var report = DiskReport(device: "/dev/sda", time: .init(milliseconds: 1), state: state)
        report.model = "Model"
        report.serial = "S1"
        report.hasPassed = state == .good
        return report
    }

    @Test("a disk that fails, falls silent, vanishes, and is well again") func disk() async throws {
        let bench = try Bench()
        try bench.plug("sda")
        try bench.answer(report(.good))
        #expect(await bench.codes() == [])
        try bench.answer(report(.failing))
        #expect(await bench.codes() == ["E-DISK-01:sda"])
        try bench.answer(report(.good))
        #expect(await bench.codes() == [])
        try bench.answer(nil)
        #expect(await bench.codes() == ["E-DISK-07:sda"])
        try bench.answer(report(.good))
        try bench.unplug("sda")
        #expect(await bench.codes() == ["E-DISK-08:sda"])
        try bench.plug("sda")
        #expect(await bench.codes() == [])
    }

    @Test("what was read is told, with the file system and its write probe") func told() async throws {
        let bench = try Bench()
        await bench.monitor.look()
        let report = await bench.monitor.report.report
        #expect(report.fileSystems.first?.takesWrites == true)
        #expect((report.fileSystems.first?.totalBytes ?? 0) > 0)
    }
}

@Suite("The audit's chain is looked at by itself") struct AuditWatchTests {
    @Test("a row that was changed raises an issue that names it") func broken() async throws {
        let box = try UnstartedBox()
        let path = box.folder.path + "/audit.db"
        let audit = try AuditTable(path: path)
        for number in 1...3 {
            try audit.append(
                time: Int64(number),
                user: "root",
                action: "POST",
                subject: "/v1/x",
                outcome: "200",
                reason: ""
            )
        }
        let nobody = HardwareProbe(door: .socket(box.folder.path + "/none"))
        let monitor = HealthMonitor(
            settings: box.configuration.health,
            directory: box.folder.path,
            probe: nobody,
            networkProbe: nobody,
            files: .init(root: box.folder.path),
            table: box.table,
            transactions: box.transactions,
            board: box.board,
            journal: box.journal,
            audit: audit
        )
        func codes() async -> [String] {
            await monitor.look(everything: true)
            return await box.board.openIssues.map(\.code).filter { $0.hasPrefix("E-AUDIT") }
        }
        #expect(await codes() == [])
        let shell = Process()
        shell.executableURL = URL(filePath: "/usr/bin/python3")
        shell.arguments = [
            "-c",
            "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]);"
                + "c.execute(\"UPDATE audit SET user='eve' WHERE number=2\"); c.commit()", path,
        ]
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        #expect(await codes() == ["E-AUDIT-01"])
        #expect(await box.board.openIssues.first { $0.code == "E-AUDIT-01" }?.evidence["row"] == "2")
    }
}
